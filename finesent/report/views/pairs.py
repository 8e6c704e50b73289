"""All declared pairs, in every metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from finesent.evaluation.results import METRICS, MetricName, Pair
from finesent.report.content import Content
from finesent.report.formatting import amount, gain, p_value, percent, unit_of
from finesent.report.tables import Column, RowGroup, Table, row_group


@dataclass(frozen=True)
class PairsView:
    """One table a metric; no table without pairs."""

    tables: list[Table]


def view(content: Content) -> PairsView:
    """Build a table a metric, because units differ."""
    pairs = content.comparison.pairs
    metrics = [metric for metric in get_args(MetricName) if any(metric in pair.gains for pair in pairs)]
    confidence = percent(content.comparison.confidence, 0)
    return PairsView([_table(metric, pairs, confidence) for metric in metrics])


def _table(metric: MetricName, pairs: list[Pair], confidence: str) -> Table:
    unit = unit_of(metric)
    columns = [
        Column("pair", words=True),
        Column(f"gain [{confidence}]", unit),
        Column("bootstrap percentiles", unit),
        Column("p"),
        Column("Holm p"),
        Column("sign-flip p"),
        Column("sd over seeds", unit),
        Column("detectable", unit),
    ]
    return Table(f"All pairs in {METRICS[metric][0]}", columns, [_rows(metric, pairs)])


def _rows(metric: MetricName, pairs: list[Pair]) -> RowGroup:
    lines = []
    for pair in pairs:
        found = pair.gains.get(metric)
        if found is None:
            continue
        low, high = found.percentiles
        lines.append(
            [
                f"{pair.better} − {pair.than}",
                gain(metric, found),
                f"[{amount(metric, low)}, {amount(metric, high)}]",
                p_value(found.p),
                p_value(found.p_holm),
                p_value(found.p_sign_flip),
                amount(metric, found.seeds_sd),
                amount(metric, found.minimum_detectable),
            ]
        )
    return row_group(lines)
