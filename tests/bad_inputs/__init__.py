"""The catalogue of bad inputs: what a user may get wrong, and the exact words in which the program says so."""
