"""Questions to a registry and the statistics that answer them: one question per module."""
