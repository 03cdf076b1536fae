"""What a study declares about its reports to sites: indicators, follow-ups, periods, small numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tieout.declared import Code, Name, Strict, Text, Where, sections

Days = Annotated[int, Field(ge=0, le=36500)]


class Indicator(Strict):
    """A measure of care by which sites are looked at: a percentage, a time, or a follow-up that is obtained.

    A levelled `variable` gives the percentage with one of the codes `event`, a number gives its median. `follow_up`
    gives the percentage obtained of those whose window has closed. `adjust` names the case mix: the expected events
    come from a logistic model of these variables.
    """

    label: Text
    variable: Name | None = None
    follow_up: Name | None = None
    event: tuple[Code, ...] = ("1",)
    among: Text
    where: Where = {}
    better: Literal["higher", "lower"]
    target: float | None = None
    judge_from: int | None = Field(default=None, ge=1)
    adjust: tuple[Name, ...] = ()


class FollowUp(Strict):
    """An examination that falls due: the window opens and closes so many days after a date."""

    label: Text
    after: Name
    opens: Days
    closes: Days
    done: Where = Field(min_length=1)
    unless: Where = {}


class Suppression(Strict):
    """Which counts are too small to be shown to others: 1 to `below` - 1, and 0 where `zero` is hidden.

    `own: hidden` hides a site's small counts in its own report too, for reports that are passed on.
    """

    below: int = Field(default=5, ge=0, le=100)
    zero: Literal["shown", "hidden"] = "shown"
    own: Literal["shown", "hidden"] = "shown"


class Reports(Strict):
    """Reports to sites: how often, over what time sites are judged, from how many patients on, and what is shown."""

    sites: Text | None = None
    period: Literal["month", "quarter", "year"] = "quarter"
    judged_over: Literal["period", "year", "all"] = "period"
    judge_from: int = Field(default=20, ge=1)
    events_per_term: float = Field(default=10, ge=1)
    contact: Text = "the coordinating centre"
    suppress: Suppression = Suppression()
    indicators: dict[Name, Indicator] = Field(min_length=1)
    follow_ups: dict[Name, FollowUp] = {}
    completeness: Annotated[dict[str, tuple[Name, ...]], BeforeValidator(sections)] = {}
    case_mix: tuple[Name, ...] = ()
    queries: Name | None = None
