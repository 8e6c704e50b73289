"""What the study says of a claim: supported, contradicted, equivalent or not resolved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from finesent.evaluation.gains import Estimate, Variance, report_gain
from finesent.evaluation.markdown import number, signed
from finesent.evaluation.multiple import holm
from finesent.evaluation.results import METRICS, Verdict
from finesent.params.claims import Claim
from finesent.params.compare import Compare

Word = Literal["supported", "contradicted", "equivalent", "not resolved"]

_UNITS = {"accuracy": " points", "macro_f1": " points", "mae": " classes", "quadratic_kappa": ""}

# Nobody trains more; a claim that needs more is as good as out of reach.
_MOST_SEEDS = 1000


def judge(claims: Sequence[Claim], estimates: Sequence[Estimate], rules: Compare) -> list[Verdict]:
    """Judge all claims together, in their order.

    A claim is *equivalent* when two one-sided tests put the gain within plus and minus its smallest effect;
    else *supported* or *contradicted* when the two-sided test finds a gain or a loss; else *not resolved*.
    Both kinds of test are corrected over all claims by Holm's method, at the level 1 - confidence.

    Args:
        claims: what is claimed.
        estimates: the gain of each claim's ``better`` over its ``than``.
        rules: confidence and power.
    """
    differs = holm([found.p for found in estimates])
    same = holm(
        [found.p_equivalent(claim.smallest_effect) for claim, found in zip(claims, estimates, strict=True)]
    )
    return [
        _verdict(claim, found, p_differs, p_same, rules, len(claims))
        for claim, found, p_differs, p_same in zip(claims, estimates, differs, same, strict=True)
    ]


def seeds_to_resolve(found: Estimate, smallest_effect: float, level: float) -> int | None:
    """Return the smallest number of seeds at which a gain as estimated would be resolved.

    The items and the gain are taken to stay as they are, and the variance of seeds to be as found.

    Args:
        found: the estimate.
        smallest_effect: of the claim.
        level: of each test.

    Returns:
        None with one seed, where the variance of seeds is unknown, and where the items alone leave it open.
    """
    if found.variance.count < 2:
        return None

    def resolved(count: int) -> bool:
        more = Estimate(found.value, found.variance.with_seeds(count), found.by_seed, found.percentiles)
        return min(more.p, more.p_equivalent(smallest_effect)) < level

    # More seeds only ever shrink the variance, so that the numbers that resolve it are all those from one on.
    counts = range(found.variance.count + 1, _MOST_SEEDS + 1)
    position = bisect_left(counts, True, key=resolved)
    return counts[position] if position < len(counts) else None


def _word(value: float, p_differs: float, p_same: float, level: float) -> Word:
    if p_same < level:
        return "equivalent"
    if p_differs < level:
        return "supported" if value > 0 else "contradicted"
    return "not resolved"


def _verdict(
    claim: Claim, found: Estimate, p_differs: float, p_same: float, rules: Compare, claims: int
) -> Verdict:
    level = 1 - rules.confidence
    word = _word(found.value, p_differs, p_same, level)
    # Holm tests no claim more strictly than at the level divided by the number of claims.
    strictest = level / claims
    needed = seeds_to_resolve(found, claim.smallest_effect, strictest) if word == "not resolved" else None
    gain = report_gain(found, p_differs, rules)
    return Verdict(
        better=claim.better,
        than=claim.than,
        metric=claim.metric,
        smallest_effect=claim.smallest_effect,
        published_gain=claim.published_gain,
        source=claim.source,
        verdict=word,
        sentence=_sentence(claim, found, word, needed, rules),
        gain=gain,
        seeds_to_resolve=needed,
    )


def _sentence(claim: Claim, found: Estimate, word: Word, needed: int | None, rules: Compare) -> str:
    half = found.half_width(rules.confidence)
    seeds = found.variance.count
    low, high = (signed(claim.metric, end) for end in (found.value - half, found.value + half))
    measured = (
        f"{signed(claim.metric, found.value)}{_UNITS[claim.metric]} in {METRICS[claim.metric][0]} "
        f"[{low}, {high}]"
    )
    pair = f"{claim.better} over {claim.than}"
    match word:
        case "supported":
            return f"Supported: {pair} gains {measured}."
        case "contradicted":
            return f"Contradicted: {pair} gains {measured}, which is a loss."
        case "equivalent":
            return (
                f"Equivalent: {pair} gains {measured}, within the smallest effect that matters "
                f"(± {number(claim.metric, claim.smallest_effect)})."
            )
    open_at = f"Not resolved at {seeds} {'seed' if seeds == 1 else 'seeds'}: {pair} gains {measured}"
    return f"{open_at}; {_what_would(found.variance, needed)}."


def _what_would(variance: Variance, needed: int | None) -> str:
    if variance.count < 2:
        return "how many seeds would resolve it cannot be told from one"
    if needed is None:
        return f"no number of seeds would resolve a gain of this size on {variance.n:,} items"
    return f"{needed} seeds would resolve a gain of this size"
