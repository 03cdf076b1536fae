"""REDCap's exports: the data dictionary, the table of one row per patient, and what both say to a study file."""
