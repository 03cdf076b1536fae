"""Hide small counts of a site from everybody else, and as many more as it takes that nobody can work them out.

What is published about one figure of all sites: each site's x of n in the centre's report and on the funnel plots, the
registry's total, and in the report of each site the registry without it. Who reads: somebody with the centre's report
alone, or somebody at one site, who also knows that site's own figures. A total minus what is shown gives the sum of what
is hidden, so that a hidden count is safe only among others.

The rule. A count is small when it is 1 to `below` - 1 (or 0, where `zero` is hidden). A site's figure is hidden when its
x, its n or its n - x is small. Then further figures are hidden, smallest first, until for every reader at least two
hidden sites with patients remain that the reader does not know; these have more than one patient each, taken together;
and the reader cannot conclude that one has no event, or no non-event, unless zeros may be shown. If there are too few
sites for that, the registry's total is hidden too, and with it the registry without a site. Percentages, intervals and
medians of hidden counts are hidden with them.

Source of the terms (primary, complementary suppression): Hundepool et al., Statistical Disclosure Control, Wiley 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tieout.reports import Suppression

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Hidden:
    """Which sites' figures others may not see (an array of bool), and whether the total is hidden too."""

    sites: Mask
    total: bool


def hidden(x: NDArray[np.int64] | None, n: NDArray[np.int64], rule: Suppression) -> Hidden:
    """Return what to hide of x of n patients by site; of the patients alone where `x` is None.

    x and n are arrays of whole numbers, one entry a site, 0 <= x <= n.
    """
    parts = [n] if x is None else [x, n - x]
    sites = np.logical_or.reduce([small(part, rule) for part in (*parts, n)])
    if not sites.any():
        return Hidden(sites, False)
    candidates = sorted(np.flatnonzero(~sites & (n > 0)), key=lambda site: (n[site], site))
    for site in candidates:
        if safe(sites, parts, n, rule):
            break
        sites[site] = True
    return Hidden(sites, not safe(sites, parts, n, rule))


def small(count: NDArray[np.int64], rule: Suppression) -> Mask:
    """Return which counts are too small to be shown."""
    low = 0 if rule.zero == "hidden" and rule.below > 0 else 1
    return (count >= low) & (count < rule.below)


def safe(sites: Mask, parts: list[NDArray[np.int64]], n: NDArray[np.int64], rule: Suppression) -> bool:
    """Return whether no reader can work out a small count from the total and the figures shown.

    For each reader: at least two hidden sites with patients that are not the reader's own; more patients than sites
    among them, since each has at least one; and of each part (events, non-events) some among them, or none where zeros
    may be shown: then each has none, and the other part is its n.
    """
    known = np.append(np.flatnonzero(sites), -1)  # -1: somebody at no hidden site
    at_one = known >= 0
    there = (sites & (n > 0)).sum() - np.where(at_one, n[known] > 0, False)
    if there.min() < 2 or (n[sites].sum() - np.where(at_one, n[known], 0) <= there).any():
        return False
    left = [part[sites].sum() - np.where(at_one, part[known], 0) for part in parts]
    return rule.zero == "shown" or all(rest.min() >= 1 for rest in left)


def others_shown(found: Hidden, site: int, rule: Suppression) -> bool:
    """Return whether a site's report may show the registry without that site.

    With `own: hidden`, reports that are passed on show it only where the site's own figure is shown: their difference
    is the own figure.
    """
    return not found.total and not (rule.own == "hidden" and bool(found.sites[site]))


def own_shown(found: Hidden, site: int, rule: Suppression) -> bool:
    """Return whether a site's report may show the site's own figure."""
    return rule.own == "shown" or not bool(found.sites[site])
