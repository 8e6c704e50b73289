"""The document: tables of what was measured between their markers, failures as failures, and the plot."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scipy.stats import ttest_rel

from benchmarks.alternate import Failure, Outcomes, Range, Reading
from benchmarks.document import (
    DOCUMENT,
    bars,
    difference,
    gain,
    replaced,
    result_table,
    section,
    write_document,
)
from benchmarks.lines import LINES
from benchmarks.plot import Bar, draw
from benchmarks.results import Result, read_results, write_result
from finesent.errors import FinesentError

TRAINING, CLEANING = LINES["training"], LINES["cleaning"]
SVG = "{http://www.w3.org/2000/svg}"


def runs(*speeds: float) -> list[Reading]:
    return [Reading({"speed": speed, "share_of_ceiling": 0.25}, 60 / speed, 300 << 20) for speed in speeds]


def result(line: str = "training", **readings: list[Reading]) -> Result:
    failures = {name: Failure("exit status 1", "no room") for name, made in readings.items() if not made}
    return Result(line, 2, "python -m benchmarks.bench", {"commit": "abc"}, Outcomes(readings, failures))


def cells(table: str, name: str) -> list[str]:
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {name}")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_more_sentences_a_second_are_faster_and_more_seconds_slower() -> None:
    outcomes = Outcomes({"finesent": runs(40, 20), "peer": runs(10, 10)})
    assert gain(TRAINING, outcomes, "peer") == Range(3, 2, 4)
    assert gain(CLEANING, outcomes, "peer") == Range(3, 2, 4)
    assert gain(TRAINING, outcomes, "finesent") is None


def test_a_table_has_medians_and_ends_and_no_column_without_figures() -> None:
    table = result_table(TRAINING, Outcomes({"finesent": runs(40, 20), "peer": runs(10, 10)}))
    head = cells(table, " ")
    assert "sentences/s" in head and "dev accuracy, %" not in head
    row = dict(zip(head, cells(table, "peer"), strict=True))
    assert row["sentences/s"] == "10.0"
    assert row["% of the bf16 ceiling"] == "25.0"
    assert row["peak memory, MiB"] == "300"
    assert row["finesent is faster, times"] == "3.00 [2.00, 4.00]"
    assert dict(zip(head, cells(table, "finesent"), strict=True))["finesent is faster, times"] == "–"


def test_differences_in_accuracy_are_paired_and_have_students_interval() -> None:
    mine, theirs = [0.50, 0.52, 0.51], [0.49, 0.50, 0.51]
    expected = ttest_rel([100 * value for value in mine], [100 * value for value in theirs])
    low, high = expected.confidence_interval(0.95)
    assert difference(mine, theirs) == f"+1.00 [{low:+.2f}, {high:+.2f}]"
    assert difference([0.5], [0.49]) == "+1.00"


def test_only_what_ours_is_compared_with_has_a_difference() -> None:
    made = {
        name: [Reading({"speed": 1.0, "dev_accuracy": share}, 1.0, 1)]
        for name, share in (("finesent", 0.5), ("peer", 0.45))
    }
    table = result_table(TRAINING, Outcomes(made))
    column = "dev accuracy of finesent less this one's, points"
    shown = [dict(zip(cells(table, " "), cells(table, name), strict=True))[column] for name in made]
    assert shown == ["–", "+5.00"]


def test_no_share_of_the_ceiling_where_most_weights_are_frozen() -> None:
    outcomes = Outcomes({"finesent": runs(40, 20), "peer": runs(10, 10)})
    assert "% of the bf16 ceiling" in cells(result_table(TRAINING, outcomes), " ")
    assert "% of the bf16 ceiling" not in cells(result_table(LINES["frozen"], outcomes), " ")


def test_throughput_is_of_the_whole_process() -> None:
    made = [Reading({"total_sentences": 900}, seconds, 1) for seconds in (3.0, 9.0)]
    table = result_table(LINES["seeds"], Outcomes({"two": made}))
    row = dict(zip(cells(table, " "), cells(table, "two"), strict=True))
    assert row["sentences/s, all in all"] == "200.0 [100.0, 300.0]"


def test_a_failed_peer_has_no_number() -> None:
    text = section(result(finesent=runs(40), peer=[]))
    row = cells(text, "peer: failed")
    assert row[0] == "peer: failed" and set(row[1:]) == {"–"}
    assert "**peer failed** and has no figures: exit status 1\n\n```\nno room\n```" in text


def test_nothing_is_faster_than_what_failed() -> None:
    outcomes = result(finesent=[], peer=runs(1)).outcomes
    assert gain(TRAINING, outcomes, "peer") is None


def test_a_section_says_where_it_comes_from() -> None:
    text = section(result(finesent=runs(40, 20)))
    assert "Median of 2 rounds" in text
    assert "- commit: abc\n- command: `python -m benchmarks.bench`" in text


def test_only_what_stands_between_the_markers_changes() -> None:
    text = "before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter <!-- bench:b -->x<!-- /bench:b -->"
    new = replaced(text, "a", r"a \1 slash", "here")
    assert new == text.replace("old", r"a \1 slash")
    assert replaced(new, "a", "old", "here") == text


@pytest.mark.parametrize("text", ["nothing", "<!-- bench:a --><!-- /bench:a -->" * 2, "<!-- bench:a -->"])
def test_missing_or_doubled_markers_are_named(text: str) -> None:
    with pytest.raises(FinesentError, match="needs the markers"):
        replaced(text, "a", "new", "here")


def test_the_projects_document_has_a_place_for_everything(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text(DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
    results = {name: result(name, ours=runs(40, 20), peer=runs(10, 10)) for name in LINES}
    write_document(results, copy)
    text = copy.read_text(encoding="utf-8")
    assert text.count("- commit: abc") == len(LINES)
    assert "](performance.svg)" in text and copy.with_suffix(".svg").exists()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    places = [part for part in sections if any(f"<!-- bench:{name} -->" in part for name in LINES)]
    assert [line.title for line in LINES.values()] == [part.splitlines()[0] for part in places]


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    written = result(finesent=runs(40, 20), peer=[])
    write_result(written, tmp_path)
    assert read_results(tmp_path) == {"training": written}


def test_nothing_measured_is_nothing_read(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none") == {}


def test_stage_times_are_beside_nothing() -> None:
    outcomes = result("stages", clean=runs(1, 2), sample=runs(3, 4))
    assert "faster" not in section(outcomes)
    assert bars(f"<!-- bench:stages -->\n{section(outcomes)}\n<!-- /bench:stages -->") == []


def test_the_plot_has_a_bar_for_all_that_the_document_says(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    names = ("plot", "training", "few-shot")
    document.write_text("\n".join(f"<!-- bench:{name} --><!-- /bench:{name} -->" for name in names))
    before = result("few-shot", finesent=runs(40, 20), SetFit=runs(0.02, 0.02), broken=[])
    write_document({"few-shot": before}, document)
    write_document({"training": result(finesent=runs(3), peer=runs(2), other=runs(4))}, document)
    assert bars(document.read_text()) == [
        Bar("training", "peer", Range(1.5, 1.5, 1.5)),
        Bar("training", "other", Range(0.75, 0.75, 0.75)),
        Bar("few-shot", "SetFit", Range(1500, 1000, 2000)),
    ]
    assert "few-shot: SetFit" in document.with_suffix(".svg").read_text()


def test_a_second_table_of_a_section_has_columns_of_its_own() -> None:
    tables = (
        "| | seconds | finesent is faster, times |\n| --- | --- | --- |\n| Trainer | 9 | 2.66 [2.61, 2.72] |",
        "| ablation | times | dev accuracy |\n| --- | --- | --- |\n| prompt | 2.10 | 47.15 [42.42, 49.40] |",
    )
    text = "<!-- bench:study -->\nSaid.\n\n{}\n\nBy ablation:\n\n{}\n<!-- /bench:study -->".format(*tables)
    assert bars(text) == [Bar("study", "Trainer", Range(2.66, 2.61, 2.72))]


def test_the_plots_bars_are_as_long_as_their_ratios() -> None:
    found = [Bar("training", "a & b", Range(2, 1.5, 4)), Bar("few-shot", "c", Range(1, 1, 1))]
    root = ElementTree.fromstring(draw(found))
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(2 * widths[1])
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "training: a & b" in texts and "2.00 [1.50, 4.00]" in texts
    # Everything lies within the drawing.
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    for line in root.iter(f"{SVG}line"):
        assert 0 <= float(line.attrib["x1"]) <= float(line.attrib["x2"]) <= width
        assert 0 <= float(line.attrib["y2"]) <= height
