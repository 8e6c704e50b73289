"""What finesent is measured beside, in an environment of its own. Neither side imports the other."""
