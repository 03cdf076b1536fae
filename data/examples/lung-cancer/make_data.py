"""Write the men of the Veterans' Administration lung cancer trial as data.csv.

The data come inside scikit-survival (sksurv.datasets.load_veterans_lung_cancer); Kalbfleisch JD, Prentice RL. The Statistical
Analysis of Failure Time Data. Wiley; 1980.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sksurv.datasets import load_veterans_lung_cancer


def patients() -> pd.DataFrame:
    """Return one row a man: what is known of him, the days of follow-up, and whether he died (1 or 0)."""
    known, followed = load_veterans_lung_cancer()
    return known.assign(days=followed["Survival_in_days"].astype(int), died=followed["Status"].astype(int))


if __name__ == "__main__":
    patients().to_csv(Path(__file__).with_name("data.csv"), index=False)
