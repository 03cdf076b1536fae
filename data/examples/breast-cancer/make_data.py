"""Write the women of the GBSG-2 trial of hormonal treatment in node-positive breast cancer as data.csv.

The data come inside scikit-survival (sksurv.datasets.load_gbsg2); Schumacher M et al. J Clin Oncol 1994;12:2086-2093.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sksurv.datasets import load_gbsg2


def patients() -> pd.DataFrame:
    """Return one row a woman: what is known of her, the days of follow-up, and whether the cancer came back (1 or 0)."""
    known, followed = load_gbsg2()
    return known.assign(days=followed["time"].astype(int), recurred=followed["cens"].astype(int))


if __name__ == "__main__":
    patients().to_csv(Path(__file__).with_name("data.csv"), index=False)
