"""The comparison as Markdown: one row an ablation, and below it what a reader needs to judge it.

Metrics and differences are in percent points with two decimals, as in the published tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from finesent.catalog.published import Published, PublishedRow
from finesent.evaluation.bootstrap import Interval
from finesent.evaluation.report import AblationResult, Comparison, Spread, metrics_of
from finesent.evaluation.revisions import Revision

# Column title by the name of the metric in metrics/comparison.json.
_METRICS = {
    "dev_accuracy": "dev accuracy",
    "dev_macro_f1": "dev macro-F1",
    "test_accuracy": "test accuracy",
    "test_macro_f1": "test macro-F1",
}
_NOTHING = "–"
_OTHERS = "other published systems"
_CAVEAT = "caveat"


def render(comparison: Comparison, against: Revision | None = None) -> str:
    """Return the table with its notes, ending in a newline.

    Args:
        comparison: the numbers.
        against: an earlier state; each metric then gets a column with its change since.
    """
    notes = footnotes(comparison)
    rows = [_cells(name, result, comparison, notes, against) for name, result in comparison.ablations.items()]
    blocks = [
        f"# Comparison on {comparison.dataset}",
        markdown(rows, left=("ablation",)),
        _list(_remarks(comparison, against)),
        _sources(notes, comparison.published),
        "\n".join(f"{number}. {_footnote(row)}" for number, row in enumerate(notes, start=1)),
        markdown(_others(comparison.published), left=(_OTHERS, _CAVEAT)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def markdown(rows: list[dict[str, str]], left: Sequence[str]) -> str:
    """Lay out rows that share their keys as a Markdown table; the columns in ``left`` hold words."""
    if not rows:
        return ""
    titles = list(rows[0])
    widths = [max(len(title), 3, *(len(row[title]) for row in rows)) for title in titles]
    lines = [titles, *([row[title] for title in titles] for row in rows)]
    words = [title in left for title in titles]
    columns = list(zip(widths, words, strict=True))
    padded = [
        [
            cell.ljust(width) if word else cell.rjust(width)
            for cell, (width, word) in zip(line, columns, strict=True)
        ]
        for line in lines
    ]
    ruler = ["-" * width if word else "-" * (width - 1) + ":" for width, word in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], ruler, *padded[1:]])


def footnotes(comparison: Comparison) -> list[PublishedRow]:
    """Return the published rows that stand beside an ablation of this study; footnote 1 comes first."""
    return [row for name in comparison.ablations for row in comparison.published.rows if row.ablation == name]


def _cells(
    name: str,
    result: AblationResult,
    comparison: Comparison,
    notes: list[PublishedRow],
    against: Revision | None,
) -> dict[str, str]:
    seeds = len(comparison.seeds)
    collapsed = len(result.collapsed_seeds)
    cells = {
        "ablation": name,
        "seeds": f"{collapsed} of {seeds} seeds collapsed" if collapsed else str(seeds),
    }
    for metric, title in _METRICS.items():
        cells[title] = _spread(getattr(result, metric))
        cells |= _change(title, name, metric, comparison, against)
    interval = f"[{100 * comparison.confidence:g} %]"
    cells[f"test accuracy − {comparison.baseline} {interval}"] = _gain(result.gain_test_accuracy)
    cells |= _change("difference", name, "gain_test_accuracy", comparison, against)
    cells[f"test macro-F1 − {comparison.baseline} {interval}"] = _gain(result.gain_test_macro_f1)
    cells["training s / seed"] = f"{result.training_seconds.per_seed:.1f}"
    published = [
        f"{_points(row.accuracy)} [{number}]"
        for number, row in enumerate(notes, start=1)
        if row.ablation == name
    ]
    cells["published accuracy"] = ", ".join(published) or _NOTHING
    return cells


def _change(
    title: str, name: str, metric: str, comparison: Comparison, against: Revision | None
) -> dict[str, str]:
    """The cell with a metric's change since a revision; no cell at all where there is no revision."""
    if against is None:
        return {}
    column = f"Δ {title} since {against.name}"
    if name not in against.metrics:
        return {column: "new"}
    now, then = metrics_of(comparison)[name].get(metric), against.metrics[name].get(metric)
    return {column: _NOTHING if now is None or then is None else _signed(now - then)}


def _remarks(comparison: Comparison, against: Revision | None) -> list[str]:
    seeds = ", ".join(map(str, comparison.seeds))
    size = "every row" if comparison.train_size is None else f"{comparison.train_size} sampled rows"
    remarks = [
        f"This run: {comparison.dataset} with {comparison.backbone}, trained on {size}; dev n = "
        f"{comparison.dev_n}, test n = {comparison.test_n}; seeds {seeds}.",
        "Metrics in percent points, mean ± sample standard deviation over seeds."
        if len(comparison.seeds) > 1
        else "Metrics in percent points, of one seed: how much they vary over seeds is unknown.",
        _about_differences(comparison),
        "Nothing was selected on test: epochs were chosen on dev, and every seed is in the means.",
        *_comparability(comparison),
        *_collapses(comparison),
    ]
    if against is not None:
        gone = [name for name in against.metrics if name not in comparison.ablations]
        remarks += [f"{name}: gone since {against.name}." for name in gone]
    return remarks


def _about_differences(comparison: Comparison) -> str:
    text = (
        f"Differences are means over seeds and items, paired with {comparison.baseline}; "
        f"the {100 * comparison.confidence:g} % intervals are percentiles of {comparison.resamples} "
        f"hierarchical bootstrap resamples of {comparison.resampled}"
    )
    if len(comparison.seeds) == 1:
        return f"{text}: with one seed they say nothing about other seeds."
    return f"{text}. Resampling {len(comparison.seeds)} seeds understates the spread between seeds."


def _comparability(comparison: Comparison) -> list[str]:
    """Say why published numbers cannot be set beside this run's, where they cannot."""
    here = (comparison.dataset, comparison.backbone)
    elsewhere = {(row.dataset, row.backbone) for row in footnotes(comparison)} - {here}
    if elsewhere:
        where = ", ".join(f"{dataset} with {backbone}" for dataset, backbone in sorted(elsewhere))
        return [f"Published numbers are on {where}: not comparable with this run."]
    if footnotes(comparison) and comparison.train_size is not None:
        return ["Published numbers come from training on every row: not comparable with this run's sample."]
    return []


def _collapses(comparison: Comparison) -> list[str]:
    return [
        f"{name}: {len(result.collapsed_seeds)} of {len(comparison.seeds)} seeds collapsed "
        f"({', '.join(map(str, result.collapsed_seeds))}): their dev accuracy is within 2 points of the "
        "majority class."
        for name, result in comparison.ablations.items()
        if result.collapsed_seeds
    ]


def _sources(notes: list[PublishedRow], published: Published) -> str:
    """The studies that the footnotes come from, each once, as the footnotes' heading."""
    studies = [published.studies[name] for name in dict.fromkeys(row.study for row in notes)]
    titles = [
        f"{study.authors}{f' ({study.year})' if study.year else ''}, {study.title}, {study.url}"
        for study in studies
    ]
    return f"Published: {'; '.join(titles)}" if titles else ""


def _footnote(row: PublishedRow) -> str:
    return f"{row.system}, printed as {row.claimed_split}. {row.caveat}"


def _others(published: Published) -> list[dict[str, str]]:
    """Published systems that no ablation corresponds to, as table rows."""
    return [
        {
            _OTHERS: row.system,
            "data": row.dataset,
            "test n": str(row.n),
            "runs": row.runs or _NOTHING,
            "accuracy": _spread(Spread(mean=row.accuracy, sd=row.accuracy_sd)),
            _CAVEAT: row.caveat,
        }
        for row in published.rows
        if row.ablation is None
    ]


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _signed(share: float) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(100 * share, 2) + 0.0:+.2f}"


def _spread(spread: Spread) -> str:
    return _points(spread.mean) if spread.sd is None else f"{_points(spread.mean)} ± {_points(spread.sd)}"


def _gain(gain: Interval | None) -> str:
    return _NOTHING if gain is None else f"{_signed(gain.value)} [{_signed(gain.low)}, {_signed(gain.high)}]"
