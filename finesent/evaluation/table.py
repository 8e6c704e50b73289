"""The comparison as Markdown: verdicts, one row an ablation, and what a reader needs to judge them.

Accuracy and macro-F1 are in percent points with two decimals, as in the published tables; mean absolute
error is in classes.
"""

from __future__ import annotations

from finesent.catalog.published import Published, PublishedRow
from finesent.evaluation.markdown import (
    NOTHING,
    bullets,
    interval,
    number,
    p_value,
    signed,
    spread,
    table,
)
from finesent.evaluation.remarks import remarks
from finesent.evaluation.results import (
    METRICS,
    AblationResult,
    CeilingRow,
    Comparison,
    Gain,
    Pair,
    TransferSet,
    Verdict,
)
from finesent.evaluation.spreads import Spread

_OTHERS = "other published systems"
_CAVEAT = "caveat"


def render(comparison: Comparison) -> str:
    """Return the whole comparison, ending in a newline."""
    notes = footnotes(comparison)
    sections = [
        f"# Comparison on {comparison.title}",
        _claims(comparison.claims),
        table(_rows(comparison, notes), left=("ablation",)),
        bullets(remarks(comparison, notes)),
        _sources(notes, comparison.published),
        "\n".join(f"{mark}. {_footnote(row)}" for mark, row in enumerate(notes, start=1)),
        _section("Gains", table(_gains(comparison), left=("pair", "metric"))),
        _section("Further test sets", table(_transfer(comparison), left=("test set", "ablation"))),
        _section("Cost", table(_costs(comparison), left=("ablation",))),
        table(_others(comparison.published), left=(_OTHERS, _CAVEAT)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def footnotes(comparison: Comparison) -> list[PublishedRow]:
    """Return the published rows that stand beside an ablation of this study; footnote 1 comes first."""
    return [row for name in comparison.ablations for row in comparison.published.rows if row.ablation == name]


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}" if content else ""


def _claims(claims: list[Verdict]) -> str:
    lines = []
    for claim in claims:
        printed = claim.published_gain
        published = "" if printed is None else f" Published: {signed(claim.metric, printed)}."
        lines.append(f"{claim.sentence}{published}")
    return _section("Claims", bullets(lines))


def _rows(comparison: Comparison, notes: list[PublishedRow]) -> list[dict[str, str]]:
    ablations = [_row(name, result, comparison, notes) for name, result in comparison.ablations.items()]
    people = [_people(row, list(ablations[0])) for row in comparison.ceiling]
    return ablations + people


def _row(
    name: str, result: AblationResult, comparison: Comparison, notes: list[PublishedRow]
) -> dict[str, str]:
    seeds = len(comparison.seeds)
    collapsed = len(result.collapsed_seeds)
    gain = None if result.gains is None else result.gains["accuracy"]
    published = [
        f"{number('accuracy', row.accuracy)} [{mark}]"
        for mark, row in enumerate(notes, start=1)
        if row.ablation == name
    ]
    return {
        "ablation": name,
        "seeds": f"{collapsed} of {seeds} seeds collapsed" if collapsed else str(seeds),
        "dev accuracy": spread("accuracy", result.dev["accuracy"]),
        "dev macro-F1": spread("macro_f1", result.dev["macro_f1"]),
        **{f"test {title}": spread(metric, result.test[metric]) for metric, (title, _) in METRICS.items()},
        f"accuracy − {comparison.baseline} [{100 * comparison.confidence:g} %]": (
            NOTHING if gain is None else interval("accuracy", gain)
        ),
        "p (Holm)": NOTHING if gain is None else p_value(gain.p_holm),
        "published accuracy": ", ".join(published) or NOTHING,
    }


def _people(row: CeilingRow, titles: list[str]) -> dict[str, str]:
    cells = dict.fromkeys(titles, NOTHING) | {"ablation": f"people: {row.name}"}
    for metric, (title, _) in METRICS.items():
        value, low, high = row.scores[metric]
        cells[f"test {title}"] = f"{number(metric, value)} [{number(metric, low)}, {number(metric, high)}]"
    return cells


def _gains(comparison: Comparison) -> list[dict[str, str]]:
    return [
        _gain_row(pair, title, metric, pair.gains[metric], comparison)
        for pair in comparison.pairs
        for metric, (title, _) in METRICS.items()
    ]


def _gain_row(pair: Pair, title: str, metric: str, gain: Gain, comparison: Comparison) -> dict[str, str]:
    flipped = NOTHING if gain.p_sign_flip is None else p_value(gain.p_sign_flip)
    return {
        "pair": f"{pair.better} over {pair.than}",
        "metric": title,
        f"gain [{100 * comparison.confidence:g} %]": interval(metric, gain),
        "p": p_value(gain.p),
        "p (Holm)": p_value(gain.p_holm),
        "p (sign flip)": flipped,
        "smallest detectable": number(metric, gain.minimum_detectable),
    }


def _transfer(comparison: Comparison) -> list[dict[str, str]]:
    return [
        _transfer_row(found, name, count, comparison)
        for found in comparison.transfer.values()
        for name in comparison.ablations
        for count in found.n
    ]


def _transfer_row(found: TransferSet, name: str, count: int, comparison: Comparison) -> dict[str, str]:
    scores = found.scores[name][count]
    return {
        "test set": found.title,
        "classes": str(count),
        "n": f"{found.n[count]:,}",
        "ablation": name,
        **{title: spread(metric, scores[metric]) for metric, (title, _) in METRICS.items()},
        "majority": number("accuracy", found.majority[count]),
    }


def _costs(comparison: Comparison) -> list[dict[str, str]]:
    rows = []
    for name, result in comparison.ablations.items():
        cost = result.cost
        memory = NOTHING if cost.peak_memory is None else f"{cost.peak_memory / 2**30:.2f}"
        rows.append(
            {
                "ablation": name,
                "training s / seed": f"{cost.seconds_per_seed:.1f}",
                "sentences / s": f"{cost.sentences_per_second:,.0f}",
                "parameters": _count(cost.parameters),
                "of them trained": _count(cost.trained_parameters),
                "peak memory, GiB": memory,
            }
        )
    return rows


def _count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


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
            "runs": row.runs or NOTHING,
            "accuracy": spread("accuracy", Spread(mean=row.accuracy, sd=row.accuracy_sd)),
            _CAVEAT: row.caveat,
        }
        for row in published.rows
        if row.ablation is None
    ]
