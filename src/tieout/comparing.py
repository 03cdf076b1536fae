"""What a study declares to compare beyond its models: strata, pairs, families of p values, weights, imputation, E-values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.declared import Name, Strict, Text


class Stratified(Strict):
    """An outcome compared between two groups within the strata of a variable (Mantel-Haenszel)."""

    outcome: Name
    by: Name
    strata: Name
    label: Text


class Paired(Strict):
    """The same measurement twice or more often in each patient, by group if wished."""

    variables: tuple[Name, ...] = Field(min_length=2)
    label: Text
    by: Name | None = None


class PValues(Strict):
    """A family of p values that are adjusted for each other; `of` holds keys, in which * stands for anything."""

    of: tuple[Text, ...] = Field(min_length=1)
    method: Literal["holm", "benjamini_hochberg", "bonferroni"]
    label: Text


class Propensity(Strict):
    """Outcomes of two groups weighted by the propensity to be in the first of them.

    `estimand`: the average effect in everybody (ate), in the first group (att), or in the overlap of both (ato).
    `truncate`: the quantile of the weights of each group to which larger ones are set.
    """

    group: Name
    terms: tuple[Name, ...] = Field(min_length=1)
    estimand: Literal["ate", "att", "ato"]
    outcomes: tuple[Name, ...] = ()
    label: Text
    truncate: Annotated[float, Field(gt=0.5, lt=1)] | None = None


class Imputation(Strict):
    """A model fitted again with its missing values imputed; `variables` help to impute and are not in the model."""

    model: Name
    imputations: int = Field(default=20, ge=2, le=1000)
    seed: int = Field(default=1, ge=0, lt=2**32)
    variables: tuple[Name, ...] = ()


class EValue(Strict):
    """How strong an unmeasured confounder would have to be; `of` is the key of a ratio."""

    of: Text
    rare: bool = False


def layout(study: Any) -> dict[str, Any]:
    """Return how the declared comparisons are laid out in tables; an empty dict where a study declares none."""
    declared = {
        "stratified": {
            name: {
                "label": each.label,
                "groups": list(study.groups[each.by].levels),
                "strata": study.dictionary[each.strata].label,
                "levels": list(study.dictionary[each.strata].codes),
            }
            for name, each in study.stratified.items()
        },
        "paired": {
            name: {
                "label": each.label,
                "variables": list(each.variables),
                "groups": ["all", *(study.groups[each.by].levels if each.by else ())],
            }
            for name, each in study.paired.items()
        },
        "p_values": {name: {"label": each.label} for name, each in study.p_values.items()},
        "propensity": {
            name: {
                "label": each.label,
                "terms": list(each.terms),
                "outcomes": list(each.outcomes),
                "groups": list(study.groups[each.group].levels),
            }
            for name, each in study.propensity.items()
        },
        "imputation": {
            name: {"model": each.model, "terms": list(study.models[each.model].terms)}
            for name, each in study.imputation.items()
        },
        "e_values": {name: each.of for name, each in study.e_values.items()},
    }
    return {part: entries for part, entries in declared.items() if entries}
