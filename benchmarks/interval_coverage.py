"""How often the interval of a gain holds the true gain, and how often a null study is called a gain.

Run as ``python -m benchmarks.interval_coverage [STUDIES]``; prints a Markdown table. The plain percentile
interval of the hierarchical bootstrap stands beside it.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.simulated_studies import Truth, draw
from finesent.evaluation.gains import estimate
from finesent.evaluation.markdown import table
from finesent.evaluation.resampling import resample
from finesent.params.compare import Compare

_RULES = {"baseline": "second", "family": "baseline", "confidence": 0.95, "power": 0.8, "resamples": 1000}
_LEVEL = 0.3
_DESIGNS = [
    (seeds, items, spread)
    for seeds, items in ((2, 1000), (3, 1000), (5, 1000), (10, 1000), (5, 2210))
    for spread in (0.0, 0.03, 0.1)
]


def coverage(truth: Truth, studies: int, seed: int = 0) -> dict[str, float]:
    """Return shares of ``studies`` simulated studies.

    ``held``: the interval holds the true gain; ``percentiles``: the plain percentile interval does;
    ``gain_found``: the interval lies above 0; ``width``: mean width of the interval.
    """
    generator = np.random.default_rng(seed)
    counts = dict.fromkeys(("held", "percentiles", "gain_found", "width"), 0.0)
    for number in range(studies):
        labels, predicted = draw(truth, generator)
        rules = Compare.model_validate({**_RULES, "seed": number})
        found = estimate(resample(labels, predicted, 5, rules), "accuracy", "first", "second", 0.95)
        half = found.half_width(0.95)
        counts["held"] += abs(found.value - truth.gain) <= half
        counts["percentiles"] += found.percentiles[0] <= truth.gain <= found.percentiles[1]
        counts["gain_found"] += found.value - half > 0
        counts["width"] += 2 * half
    return {name: count / studies for name, count in counts.items()}


def main() -> None:
    """Print the table over all designs."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rows = []
    for seeds, items, spread in _DESIGNS:
        found = coverage(Truth(seeds, items, spread, _LEVEL, 0.2), studies)
        null = coverage(Truth(seeds, items, spread, 0.2, 0.2), studies, seed=1)
        points = 100 * spread * 0.26
        rows.append(
            {
                "seeds": str(seeds),
                "items": f"{items:,}",
                "sd over seeds": f"{points:.1f}",
                "interval holds the truth": f"{100 * found['held']:.1f} %",
                "percentiles hold it": f"{100 * found['percentiles']:.1f} %",
                "gain found where there is none": f"{100 * null['gain_found']:.1f} %",
                "width": f"{100 * found['width']:.1f}",
            }
        )
    print(table(rows, left=()))


if __name__ == "__main__":
    main()
