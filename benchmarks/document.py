"""docs/performance.md and its plot, from the results kept below .work: ``python -m benchmarks.document``.

The document is written by hand but for what stands between two markers, ``<!-- bench:NAME -->`` and
``<!-- /bench:NAME -->``.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from scipy import stats

from benchmarks.alternate import Outcomes, Range, ratios, summary
from benchmarks.by_ablation import ablations_of, accuracies_of, seconds_of
from benchmarks.lines import LINES, Line
from benchmarks.plot import Bar, draw
from benchmarks.results import Result, read_results
from benchmarks.workspace import ROOT
from finesent.errors import FinesentError
from finesent.evaluation.markdown import NOTHING, bullets, table
from finesent.files import write_text
from finesent.stage import run_stage

DOCUMENT = ROOT / "docs" / "performance.md"

# All sentences of a process over all its seconds.
_THROUGHPUT = "throughput"
_ACCURACY = "dev_accuracy"
_SHARE = "share_of_ceiling"
# The end of the title of the column that the plot is drawn from.
_FASTER = "is faster, times"
_RANGE = re.compile(r"([\d,.]+)(?: \[([\d,.]+), ([\d,.]+)\])?")

# Title, figure, factor and decimals; a column that nobody has a figure for is left out.
_COLUMNS = [
    ("seconds", "seconds", 1, 1),
    ("seconds of training", "training_seconds", 1, 1),
    ("sentences/s", "speed", 1, 1),
    ("sentences/s, first epoch", "first_speed", 1, 1),
    ("sentences/s, all in all", _THROUGHPUT, 1, 1),
    ("% of the bf16 ceiling", _SHARE, 100, 1),
    ("peak memory, MiB", "peak_memory", 1 / 2**20, 0),
    ("dev accuracy, %", _ACCURACY, 100, 2),
]


def gain(line: Line, outcomes: Outcomes, name: str) -> Range | None:
    """Return how many times faster ours is than a command; None where one of the two has no figure."""
    ours = next(iter(outcomes.readings))
    mine, theirs = outcomes.figures(ours, line.figure), outcomes.figures(name, line.figure)
    if not line.compares or name == ours or not mine or not theirs:
        return None
    return ratios(theirs, mine) if line.figure == "seconds" else ratios(mine, theirs)


def result_table(line: Line, outcomes: Outcomes) -> str:
    """Lay out a comparison, a row a command: medians over the rounds, with lowest and highest."""
    names = list(outcomes.readings)
    known = [column for column in _COLUMNS if any(_figures(outcomes, name, column[1]) for name in names)]
    columns = [column for column in known if line.all_learns or column[1] != _SHARE]
    rows = []
    for name in names:
        row = {"": name}
        for title, key, factor, decimals in columns:
            values = [factor * value for value in _figures(outcomes, name, key)]
            row[title] = ranged(summary(values), decimals) if values else NOTHING
        if line.compares:
            found = gain(line, outcomes, name)
            row[f"{names[0]} {_FASTER}"] = ranged(found, 2) if found else NOTHING
        if line.compares and any(_figures(outcomes, other, _ACCURACY) for other in names):
            mine, theirs = (outcomes.figures(who, _ACCURACY) for who in (names[0], name))
            comparable = name != names[0] and mine and theirs
            row[f"dev accuracy of {names[0]} less this one's, points"] = (
                difference(mine, theirs) if comparable else NOTHING
            )
        if name in outcomes.failures:
            row[""] = f"{name}: failed"
        rows.append(row)
    return table(rows, left=("",))


def _figures(outcomes: Outcomes, name: str, key: str) -> list[float]:
    if key != _THROUGHPUT:
        return outcomes.figures(name, key)
    totals = outcomes.figures(name, "total_sentences")
    return [
        total / seconds for total, seconds in zip(totals, outcomes.figures(name, "seconds"), strict=False)
    ]


def section(result: Result) -> str:
    """Return what stands between the markers of a comparison."""
    line, outcomes = LINES[result.line], result.outcomes
    rounds = f"Median of {result.rounds} rounds [lowest, highest]." if result.rounds > 1 else "One round."
    told = f"{line.says} {rounds}"
    where = bullets(
        f"{key}: {value}" for key, value in {**result.surroundings, "command": f"`{result.command}`"}.items()
    )
    failed = [
        f"**{name} failed** and has no figures: {failure.reason}\n\n```\n{failure.log}\n```"
        for name, failure in outcomes.failures.items()
    ]
    parts = [told, result_table(line, outcomes)]
    if by_ablation := ablation_table(outcomes):
        parts += ["By ablation, with the mean [lowest, highest] dev accuracy of all seeds:", by_ablation]
    return "\n\n".join([*parts, *failed, where])


def ablation_table(outcomes: Outcomes) -> str:
    """Lay out what a study told of each ablation, ours beside each other command; empty if it told none."""
    rounds = {name: [run.figures for run in runs] for name, runs in outcomes.readings.items() if runs}
    ours = next(iter(outcomes.readings))
    rows = []
    for peer in (name for name in rounds if name != ours and ours in rounds):
        for ablation in ablations_of(rounds[ours][0]):
            mine, theirs = (seconds_of(ablation, rounds[who]) for who in (ours, peer))
            right, others = (accuracies_of(ablation, rounds[who]) for who in (ours, peer))
            rows.append(
                {
                    "ablation": ablation,
                    f"seconds, {ours}": ranged(summary(mine), 1),
                    f"seconds, {peer}": ranged(summary(theirs), 1),
                    "times": ranged(ratios(theirs, mine), 2),
                    f"dev accuracy, {ours}, %": _among_seeds(right),
                    f"dev accuracy, {peer}, %": _among_seeds(others),
                    f"difference over {len(right)} seeds, points": difference(right, others),
                }
            )
    return table(rows, left=("ablation",))


def _among_seeds(shares: Sequence[float]) -> str:
    """Return the mean of shares in points, with the lowest and the highest seed's."""
    points = [100 * share for share in shares]
    return f"{statistics.fmean(points):.2f} [{min(points):.2f}, {max(points):.2f}]"


def difference(mine: Sequence[float], theirs: Sequence[float]) -> str:
    """Return the mean difference of two shares in points, with Student's 95 % interval of paired differences.

    The pairs are rounds, each one seed and one draw of rows for both, or the seeds of a study's ablation.
    """
    points = [100 * (first - second) for first, second in zip(mine, theirs, strict=True)]
    mean = statistics.fmean(points)
    if len(points) < 2:
        return f"{mean:+.2f}"
    reach = stats.t.ppf(0.975, len(points) - 1) * statistics.stdev(points) / math.sqrt(len(points))
    return f"{mean:+.2f} [{mean - reach:+.2f}, {mean + reach:+.2f}]"


def replaced(text: str, name: str, content: str, place: str) -> str:
    """Return a document with other content between a pair of markers.

    Raises:
        FinesentError: the document lacks the pair, or has it twice.
    """
    start, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    pattern = re.compile(re.escape(start) + r".*?" + re.escape(end), flags=re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise FinesentError(place, f"needs the markers {start} and {end} once", "put them in")
    return pattern.sub(lambda _: f"{start}\n{content}\n{end}", text)


def bars(text: str) -> list[Bar]:
    """Return a bar for everything that a document says ours is faster or slower than, in its order.

    Of the document and not of the results: it keeps what was measured before them, and elsewhere.
    """
    found = []
    for name, content in re.findall(r"<!-- bench:(\S+) -->(.*?)<!-- /bench:\1 -->", text, flags=re.DOTALL):
        # A section may have several tables, with columns of their own.
        for block in re.findall(r"^\|.*(?:\n\|.*)*", content, flags=re.MULTILINE):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
            columns = [number for number, title in enumerate(rows[0]) if title.endswith(_FASTER)]
            for row in rows:
                for times in filter(None, (_RANGE.fullmatch(row[column]) for column in columns)):
                    median, low, high = (float((end or times[1]).replace(",", "")) for end in times.groups())
                    found.append(Bar(name, row[0], Range(median, low, high)))
    return found


def write_document(results: dict[str, Result], path: Path = DOCUMENT) -> None:
    """Put the results into the document, and the plot of all that it then says beside it.

    Raises:
        FinesentError: the document lacks a marker.
    """
    text = path.read_text(encoding="utf-8")
    for name, result in results.items():
        text = replaced(text, name, section(result), str(path))
    if drawn := bars(text):
        plot = path.with_suffix(".svg")
        write_text(plot, draw(drawn))
        picture = f"![How many times faster finesent is than what it is measured beside]({plot.name})"
        text = replaced(text, "plot", picture, str(path))
    write_text(path, text)


def ranged(values: Range, decimals: int) -> str:
    """Return a median, with lowest and highest in brackets where there is more than one value."""
    median, low, high = (f"{value:,.{decimals}f}" for value in (values.median, values.low, values.high))
    return f"{median} [{low}, {high}]" if values.low < values.high else median


def main() -> str:
    """Write the document from what is kept."""
    results = read_results()
    write_document(results)
    return f"{DOCUMENT}: {', '.join(results) or 'nothing was measured yet'}"


if __name__ == "__main__":
    run_stage(main)
