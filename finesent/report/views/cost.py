"""What each ablation cost."""

from __future__ import annotations

from finesent.report.content import Content
from finesent.report.formatting import count, decimal, duration, memory
from finesent.report.tables import Column, Table, table


def view(content: Content) -> Table:
    """Build the table of costs; what was not recorded is a dash."""
    columns = [
        Column("ablation", words=True),
        Column("time a seed"),
        Column("time, all seeds"),
        Column("training", "sentences/s"),
        Column("parameters"),
        Column("trained", "at most"),
        Column("peak memory"),
    ]
    lines = []
    for name, result in content.comparison.ablations.items():
        cost = result.cost
        lines.append(
            [
                name,
                duration(cost.seconds_per_seed),
                duration(cost.seconds),
                decimal(cost.sentences_per_second, 1),
                count(cost.parameters),
                count(cost.trained_parameters),
                memory(cost.peak_memory),
            ]
        )
    return table("What training cost", columns, lines)
