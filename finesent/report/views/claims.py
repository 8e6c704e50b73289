"""Each claim beside the evidence: published gain, ours with its interval, and what would settle it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from finesent.evaluation.results import METRICS, Comparison, Verdict
from finesent.report.charts.intervals import IntervalRow, interval_chart
from finesent.report.charts.marks import Mark
from finesent.report.content import Content
from finesent.report.formatting import amount, count, gain, p_value, scaled, signed, unit_of

# All claims look alike: the row's label says which ablations it is about.
_OURS = Mark(colour=1, dash=0, marker=0)


@dataclass(frozen=True)
class ClaimCard:
    """One claim with its chart and its numbers."""

    heading: str
    kind: str
    verdict: str
    source: str
    chart: Markup
    numbers: list[tuple[str, str]]


def view(content: Content) -> list[ClaimCard]:
    """Build a card a claim; no claims, no cards."""
    comparison = content.comparison
    return [_card(number, claim, comparison) for number, claim in enumerate(comparison.claims, start=1)]


def _card(number: int, claim: Verdict, comparison: Comparison) -> ClaimCard:
    metric = METRICS[claim.metric][0]
    heading = f"{claim.better} over {claim.than}, in {metric}"
    published = claim.published_gain
    row = IntervalRow(
        label="this study",
        text=gain(claim.metric, claim.gain),
        value=scaled(claim.metric, claim.gain.value),
        low=scaled(claim.metric, claim.gain.low),
        high=scaled(claim.metric, claim.gain.high),
        mark=_OURS,
        published=None if published is None else scaled(claim.metric, published),
    )
    unit = unit_of(claim.metric)
    axis = f"gain in {metric}{f', {unit}' if unit else ''}"
    band = scaled(claim.metric, claim.smallest_effect)
    return ClaimCard(
        heading=heading,
        kind=claim.verdict.replace(" ", "-"),
        verdict=claim.verdict,
        source=claim.source,
        chart=interval_chart(f"claim-{number}", f"Claim {number}: {heading}", axis, [row], band),
        numbers=_numbers(claim, comparison),
    )


def _numbers(claim: Verdict, comparison: Comparison) -> list[tuple[str, str]]:
    unit = unit_of(claim.metric)
    suffix = f" {unit}" if unit else ""
    published = claim.published_gain
    return [
        (
            "published gain",
            "no number given" if published is None else signed(claim.metric, published) + suffix,
        ),
        ("our gain", f"{gain(claim.metric, claim.gain)}{suffix}"),
        ("smallest effect that matters", f"± {amount(claim.metric, claim.smallest_effect)}{suffix}"),
        ("p, corrected over all claims", p_value(claim.gain.p_holm)),
        ("p of the sign-flip test", _sign_flip(claim.gain.p_sign_flip, len(comparison.seeds))),
        (
            "gain found four times out of five",
            f"{amount(claim.metric, claim.gain.minimum_detectable)}{suffix}",
        ),
        ("seeds that would resolve it", _seeds(claim, comparison)),
    ]


def _sign_flip(p: float | None, seeds: int) -> str:
    if p is None:
        return "needs two seeds"
    return f"{p_value(p)}, at least {p_value(2 / 2**seeds)} with {seeds} seeds"


def _seeds(claim: Verdict, comparison: Comparison) -> str:
    if claim.verdict != "not resolved":
        return f"resolved with {len(comparison.seeds)}"
    if claim.seeds_to_resolve is not None:
        return count(claim.seeds_to_resolve)
    if len(comparison.seeds) == 1:
        return "cannot be told from one seed"
    return f"none would, with {count(comparison.test_n)} items"
