"""Turn a clinical registry into its manuscript, so that every reported figure ties out to the data."""

__version__ = "0.1.0"
