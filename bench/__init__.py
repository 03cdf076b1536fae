"""The speed and memory of Tieout as ratios: each measured beside its peer or its floor in the same run."""
