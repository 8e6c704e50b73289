"""What a study tells of each ablation comes back as it was told, and no two rounds share a seed."""

from __future__ import annotations

from benchmarks.alternate import Outcomes, Reading
from benchmarks.by_ablation import ablations_of, accuracies_of, seconds_of, seeds_of_round, told
from benchmarks.document import ablation_table, difference


def test_rounds_share_no_seed_and_the_first_has_the_studys_own() -> None:
    assert seeds_of_round(3, 0) == [0, 1, 2]
    seeds = [seed for number in range(5) for seed in seeds_of_round(3, number)]
    assert seeds == list(range(15))


def test_what_was_told_is_heard_by_ablation_round_and_seed() -> None:
    first = {"total_tokens": 9.0} | told("after-n", 2.0, [0.1, 0.2]) | told("prompt", 3.0, [0.3, 0.4])
    second = told("after-n", 4.0, [0.5, 0.6]) | told("prompt", 5.0, [0.7, 0.8])
    assert ablations_of(first) == ["after-n", "prompt"]
    assert seconds_of("after-n", [first, second]) == [2.0, 4.0]
    assert accuracies_of("prompt", [first, second]) == [0.3, 0.4, 0.7, 0.8]


def test_the_table_has_a_row_an_ablation() -> None:
    mine = [told("baseline", 1.0, [0.40, 0.42]), told("baseline", 2.0, [0.44, 0.41])]
    theirs = [told("baseline", 3.0, [0.40, 0.40]), told("baseline", 4.0, [0.45, 0.40])]
    readings = {
        name: [Reading(figures, 9.0, 1) for figures in rounds]
        for name, rounds in (("finesent", mine), ("Trainer", theirs))
    }
    head, _, row = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in ablation_table(Outcomes(readings)).splitlines()
    )
    cells = dict(zip(head, row, strict=True))
    assert cells["ablation"] == "baseline"
    assert cells["times"] == "2.50 [2.00, 3.00]"
    assert cells["dev accuracy, finesent, %"] == "41.75 [40.00, 44.00]"
    expected = difference([0.40, 0.42, 0.44, 0.41], [0.40, 0.40, 0.45, 0.40])
    assert cells["difference over 4 seeds, points"] == expected


def test_what_tells_of_no_ablation_has_no_table() -> None:
    assert ablation_table(Outcomes({"finesent": [Reading({"speed": 1.0}, 1.0, 1)]})) == ""
    assert ablation_table(Outcomes({"finesent": [], "Trainer": [Reading({}, 1.0, 1)]})) == ""
