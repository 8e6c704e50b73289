"""finesent: honest comparisons of small models for fine-grained sentiment."""

__version__ = "0.1.0"
