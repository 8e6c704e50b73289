"""The sections of the page in their order; each has a template of the same name and a view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finesent.report.content import Content
from finesent.report.views import (
    claims,
    cost,
    curves,
    data,
    errors,
    explorer,
    pairs,
    probabilities,
    provenance,
    results,
    transfer,
    verdicts,
)


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: id on the page, and name of the template.
        short: title in the navigation.
        title: its heading.
        view: makes what the template lays out.
    """

    name: str
    short: str
    title: str
    view: Callable[[Content], Any]


SECTIONS = (
    Section("verdicts", "Verdicts", "What came out", verdicts.view),
    Section("results", "Table", "All ablations side by side", results.view),
    Section("claims", "Claims", "Each claim in detail", claims.view),
    Section("pairs", "Pairs", "Every pair in every metric", pairs.view),
    Section("curves", "Training", "How training went", curves.view),
    Section("errors", "Errors", "Which classes are taken for which", errors.view),
    Section("probabilities", "Probabilities", "What the probabilities are worth", probabilities.view),
    Section("transfer", "Transfer", "The same models on other test sets", transfer.view),
    Section("data", "Data", "Data and leakage", data.view),
    Section("explorer", "Explorer", "Every test item", explorer.view),
    Section("cost", "Cost", "What it cost", cost.view),
    Section("provenance", "Provenance", "Where the numbers come from", provenance.view),
)
