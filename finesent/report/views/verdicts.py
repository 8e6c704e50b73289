"""What was compared, and what came out, before any table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from finesent.evaluation.results import METRICS, Comparison, Gain, MetricName
from finesent.report.content import Content
from finesent.report.formatting import count, counted, listed, percent, signed

_HEADLINE: tuple[MetricName, ...] = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class VerdictLine:
    """One judged claim; ``kind`` is its verdict with a hyphen for the space."""

    kind: str
    word: str
    rest: str


@dataclass(frozen=True)
class Finding:
    """Which ablations are better, worse or neither in one metric."""

    metric: str
    groups: list[tuple[str, str]]


@dataclass(frozen=True)
class VerdictsView:
    """The first section."""

    lead: str
    verdicts: list[VerdictLine]
    findings: list[Finding]
    facts: list[tuple[str, str]]


def view(content: Content) -> VerdictsView:
    """Put the verdicts into lines, and the gains over the baseline into sentences."""
    comparison = content.comparison
    return VerdictsView(
        lead=_lead(comparison),
        verdicts=[_line(claim.verdict, claim.sentence) for claim in comparison.claims],
        findings=_findings(comparison),
        facts=_facts(comparison),
    )


def _lead(comparison: Comparison) -> str:
    ablations = counted(len(comparison.ablations), "ablation", "ablations")
    if len(comparison.seeds) == 1:
        runs = f"trained once, with seed {comparison.seeds[0]}"
    else:
        runs = f"each trained {len(comparison.seeds)} times, with seeds {listed(comparison.seeds)}"
    return (
        f"{ablations} of {comparison.backbone} on {comparison.title}, {runs}. Epochs were chosen on dev; "
        "test was scored once, after every choice was made."
    )


def _line(verdict: str, sentence: str) -> VerdictLine:
    word, colon, rest = sentence.partition(":")
    if not colon:
        word, rest = verdict.capitalize(), sentence
    # A hyphen before a number, but not one inside a name, is a minus sign.
    return VerdictLine(verdict.replace(" ", "-"), word, re.sub(r"(?<!\w)-(?=\d)", "−", rest.strip()))


def _findings(comparison: Comparison) -> list[Finding]:
    findings = []
    for metric in _HEADLINE:
        gains = [
            (name, result.gains[metric])
            for name, result in comparison.ablations.items()
            if result.gains is not None and metric in result.gains
        ]
        if gains:
            findings.append(Finding(METRICS[metric][0], _groups(metric, gains, 1 - comparison.confidence)))
    return findings


def _groups(metric: str, gains: list[tuple[str, Gain]], level: float) -> list[tuple[str, str]]:
    members: dict[str, list[str]] = {"better": [], "worse": [], "not resolved": []}
    for name, gain in gains:
        kind = "not resolved" if gain.p_holm >= level else "better" if gain.value > 0 else "worse"
        members[kind].append(f"{name} ({signed(metric, gain.value)})")
    return [(kind, listed(names)) for kind, names in members.items() if names]


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    size = comparison.train_size
    return [
        ("data set", comparison.dataset),
        ("backbone", comparison.backbone),
        ("training rows", "all" if size is None else f"{count(size)}, sampled"),
        ("dev", counted(comparison.dev_n, "sentence", "sentences")),
        ("test", counted(comparison.test_n, "sentence", "sentences")),
        ("seeds", str(len(comparison.seeds))),
        ("intervals", f"{percent(comparison.confidence, 0)}, over {comparison.resampled}"),
    ]
