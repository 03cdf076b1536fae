"""Write the patients of eight case-control studies of smoking and lung cancer in China, one row each, as data.csv.

The counts come inside statsmodels (statsmodels.datasets.china_smoking), transcribed there from Liu Z. Smoking and lung cancer
in China: combined analysis of eight case-control studies. Int J Epidemiol 1992;21:197-201.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from statsmodels.datasets import china_smoking

CODES = {"yes": "1", "no": "0"}


def patients() -> pd.DataFrame:
    """Return city, smoking and cancer (1 or 0) of each person."""
    counts = china_smoking.load_pandas().data.stack()
    rows = []
    for (city, cell), n in counts.items():
        _, smoking, _, cancer = cell.split("_")
        rows += [(city, CODES[smoking], CODES[cancer])] * int(n)
    return pd.DataFrame(rows, columns=["city", "smoker", "cancer"])


if __name__ == "__main__":
    patients().to_csv(Path(__file__).with_name("data.csv"), index=False)
