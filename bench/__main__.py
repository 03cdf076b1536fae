"""Print the table of all speed and memory figures: `python -m bench [PART…] [--quick]`."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import sys

from bench import audit, build, check, measured, sites, table

PARTS = {"build": build, "table": table, "audit": audit, "check": check, "sites": sites}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"by default all: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="smaller data and fewer runs: minutes instead of half an hour")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part is called {' or '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    version = importlib.metadata.version("tieout")
    print(f"tieout {version}, Python {platform.python_version()}, {os.cpu_count()} cores, {datetime.date.today()}", end="")
    print(", quick\n" if given.quick else "\n")
    print(measured.HEAD, flush=True)
    missed = []
    for name in given.parts or PARTS:
        print(f"measuring {name} …", file=sys.stderr)
        for line in PARTS[name].lines(given.quick):
            print(line.row, flush=True)
            missed += [line] if line.holds is False else []
    if missed:
        print(f"{len(missed)} of the figures asked for are missed", file=sys.stderr)


if __name__ == "__main__":
    main()
