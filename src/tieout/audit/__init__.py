"""Does every figure in a manuscript tie out? Read it, extract its figures, judge them, match them with results."""
