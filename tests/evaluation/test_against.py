"""This comparison beside earlier ones: what is tested, what is only subtracted, and how it is printed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from finesent.evaluation.against import Against, Change, changes_since, to_csv, to_json, to_markdown
from finesent.evaluation.gains import estimate
from finesent.evaluation.predictions import Predictions
from finesent.evaluation.resampling import resample
from finesent.evaluation.revisions import Revision
from finesent.params.compare import Compare
from tests.evaluation.handmade import comparison

RULES = Compare(baseline="baseline", family="baseline", confidence=0.95, power=0.8, resamples=300, seed=0)
OLD = {
    "baseline": {"test_accuracy": 0.4, "test_macro_f1": 0.41},
    "focal": {"test_accuracy": 0.5},
}

Make = Callable[..., Predictions]


def since(now: dict[str, Predictions], reader: Any, old: dict[str, Any] = OLD) -> Against:
    return changes_since(comparison(), now, [Revision("v1", "abc", old)], RULES, reader)


def change(found: Against, ablation: str, metric: str = "accuracy") -> Change:
    return next(one for one in found.changes if (one.ablation, one.metric) == (ablation, metric))


@pytest.fixture
def now(make: Make) -> dict[str, Predictions]:
    return {"baseline": make("baseline", skill=2.0), "after-n": make("after-n")}


def test_a_change_is_tested_where_both_predictions_are_at_hand(
    now: dict[str, Predictions], make: Make
) -> None:
    asked = []

    def reader(commit: str, ablation: str) -> Predictions:
        asked.append((commit, ablation))
        return make("then", skill=0.5)

    found = since(now, reader)
    assert asked == [("abc", "baseline")]
    one = change(found, "baseline")
    assert (one.then, one.now, one.change) == (0.4, 0.485, 0.085)
    test = now["baseline"].splits["test"]
    predicted = {"now": test.predicted, "then": make("then", skill=0.5).splits["test"].predicted}
    expected = estimate(resample(test.labels, predicted, 5, RULES), "accuracy", "now", "then", 0.95)
    assert one.gain is not None
    assert one.gain.value == pytest.approx(expected.value, abs=1e-6)
    assert one.gain.p_holm == one.gain.p
    assert change(found, "baseline", "mae").then is None
    assert found.remarks == ["after-n: new since v1.", "focal: gone since v1."]


def test_what_did_not_change_is_not_tested(now: dict[str, Predictions], make: Make) -> None:
    old = {name: {"test_accuracy": 0.4} for name in now}
    then = {"baseline": now["baseline"], "after-n": make("then", skill=0.5)}
    found = since(now, lambda commit, ablation: then[ablation], old)
    same, other = change(found, "baseline"), change(found, "after-n")
    assert same.same and same.gain is None
    assert not other.same and other.gain is not None
    # One test, so nothing to correct.
    assert other.gain.p_holm == other.gain.p
    assert "unchanged" in to_markdown(found)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("absent", "its predictions are not in DVC's cache"),
        ("items", "were not scored on the same test items"),
        ("seeds", "were scored with other seeds"),
    ],
)
def test_what_cannot_be_tested_is_only_subtracted(
    now: dict[str, Predictions], make: Make, kind: str, reason: str
) -> None:
    then = {
        "absent": reason,
        "items": make("then", items={"dev": 40, "test": 59}),
        "seeds": make("then", seeds=(0, 1)),
    }[kind]
    found = since(now, lambda commit, ablation: then)
    one = change(found, "baseline")
    assert one.gain is None and one.change == 0.085
    assert any(
        line.startswith("baseline: not tested against v1: ") and reason in line for line in found.remarks
    )
    text = to_markdown(found)
    row = next(line for line in text.splitlines() if line.startswith("| baseline"))
    assert row.split("|")[4].strip() == "+8.50"
    assert reason in text


def test_the_three_formats_say_the_same(now: dict[str, Predictions], make: Make) -> None:
    found = changes_since(
        comparison(),
        now,
        [Revision("v1", "abc", OLD), Revision("v2", "def", {})],
        RULES,
        lambda commit, ablation: make("then", skill=0.5),
    )
    lines = list(csv.DictReader(io.StringIO(to_csv(found))))
    content = json.loads(to_json(found))
    assert len(lines) == len(content["changes"]) == 2 * 2 * 4
    first = content["changes"][0]
    assert (lines[0]["ablation"], lines[0]["revision"], lines[0]["metric"]) == ("baseline", "v1", "accuracy")
    assert float(lines[0]["low"]) == first["gain"]["low"]
    markdown = to_markdown(found)
    assert markdown.startswith("# vader-movies: changes since v1, v2\n")
    assert "Δ accuracy since v1" in markdown and "accuracy at v2" in markdown
    assert f"{100 * first['gain']['low']:+.2f}" in markdown
    assert lines[-1]["then"] == "" and lines[-1]["p_holm"] == ""
