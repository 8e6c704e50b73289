"""Where data sets and backbones are fetched from: one module for each kind of source."""
