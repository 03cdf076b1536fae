"""Say what changed between two cuts of the data, two results or two outputs: records, definitions, claims, figures, words."""

from tieout.diff.compare import Difference, run
from tieout.diff.page import page
from tieout.diff.told import as_data, records_csv, told

__all__ = ["Difference", "as_data", "page", "records_csv", "run", "told"]
