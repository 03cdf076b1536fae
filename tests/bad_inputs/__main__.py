"""Print the catalogue of bad inputs; with --accept write its snapshots anew."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bad_inputs import catalogue

catalogue.main(accept="--accept" in sys.argv)
