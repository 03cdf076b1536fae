"""Count the patients in each box of the flow diagram, and those who left before it, by reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tieout.errors import DoesNotTieOut
from tieout.registry import Registry, mask
from tieout.results import Rule, Statistic
from tieout.study import Step, Study


def flow(registry: Registry) -> Iterator[Statistic]:
    """Yield the counts of every declared step.

    A step keeps the patients of the steps before it in the same source that also meet its own `where`; a step
    `beside` does not narrow those that follow. Raises DoesNotTieOut where the screening log and the registry
    disagree about how many entered, or where the reasons of those who left do not add up.
    """
    kept: dict[str, Rule] = {}
    before: int | None = None
    source = ""
    for step in registry.study.flow:
        earlier = kept.get(step.of, {})
        rule = {**earlier, **step.where}
        n = int(mask(registry.of(step.of).frame, rule).sum())
        if source and step.of != source and n != before:
            raise DoesNotTieOut(
                f"flow › {step.name}", f"the {step.of} holds {n} patients and the step before it {before}",
                "the screening log and the registry must agree about who entered",
            )  # fmt: skip
        yield counted(step, "n", n, rule, before, earlier)
        if step.excluded and before is not None:
            yield from left(registry, step, earlier, before - n)
        if not step.beside:
            kept[step.of], before, source = rule, n, step.of


def counted(step: Step, name: str, n: int, rule: Rule, total: int | None, within: Rule) -> Statistic:
    return Statistic(
        f"flow.{step.name}.{name}", n, "count", step.label, n=n, total=total, source=step.of, counted=rule,
        within=within, context="flow", variable=step.name, variable_label=step.label, name=name,
        among=f"patients in the {step.of} log" if step.of == "screening" else "patients in the registry",
    )  # fmt: skip


def left(registry: Registry, step: Step, earlier: Rule, n: int) -> Iterator[Statistic]:
    """Yield how many left before a step, in all and by reason."""
    shared: dict[str, Any] = {"source": step.of, "within": earlier, "context": "flow", "variable": step.name, "total": n}
    yield Statistic(
        f"flow.{step.name}.excluded.n",
        n,
        "count",
        step.excluded,
        name="excluded",
        variable_label=step.excluded,
        n=n,
        **shared,
    )  # type: ignore[arg-type]
    if not step.reasons:
        return
    records = registry.of(step.of).frame
    gone = mask(records, earlier) & ~mask(records, step.where)
    reasons = records[step.reasons][gone].value_counts()
    if int(reasons.sum()) != n:
        raise DoesNotTieOut(
            f"flow › {step.name}", f"{n} patients left and {int(reasons.sum())} have a reason",
            f"fill in {step.reasons} for every patient who left",
        )  # fmt: skip
    for code, label in variables(registry.study, step)[step.reasons].codes.items():
        yield Statistic(
            f"flow.{step.name}.reason.{code}.n", int(reasons.get(code, 0)), "count", label, name="reason", level=code,
            level_label=label, counted={**earlier, step.reasons: (code,)}, variable_label=step.excluded,
            n=int(reasons.get(code, 0)), **shared,
        )  # fmt: skip


def variables(study: Study, step: Step):
    """Return the dictionary of a step's source."""
    assert step.of == "registry" or study.data.screening
    return study.dictionary if step.of == "registry" else study.data.screening.variables  # type: ignore[union-attr]
