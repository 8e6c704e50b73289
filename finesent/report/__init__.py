"""report/index.html: one file that shows everything the comparison found, readable without a network."""
