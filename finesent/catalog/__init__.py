"""What can be downloaded, from where, and how it is known to be the right thing."""
