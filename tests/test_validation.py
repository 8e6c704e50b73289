"""What is wrong in a block is told by key, by what was found and by what is allowed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from finesent.errors import FinesentError
from finesent.validation import Block, parse, unknown_name


class Still(Block):
    kind: Literal["still"]


class Moving(Block):
    kind: Literal["moving"]
    speed: Annotated[float, Field(gt=0, le=1)]


class Inner(Block):
    count: Annotated[int, Field(ge=1)]
    share: float = 0.5
    on: bool = False


class Outer(Block):
    name: str
    inner: Inner
    motion: Annotated[Still | Moving, Field(discriminator="kind")] = Still(kind="still")
    motions: list[Annotated[Still | Moving, Field(discriminator="kind")]] = Field(default=[])
    pair: tuple[int, int] | None = None


def refusal(content: Any) -> str:
    with pytest.raises(FinesentError) as caught:
        parse(Outer, content, "params.yaml")
    assert caught.value.place == "params.yaml"
    assert caught.value.remedy
    return caught.value.problem


def outer(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "inner": {"count": 1}, **changes}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (outer(colour="red"), "colour: unknown key"),
        (outer(inner={"count": 1, "cuont": 2}), "inner.cuont: unknown key"),
        (outer(inner={}), "inner.count: missing"),
        ({"inner": {"count": 1}}, "name: missing"),
        (outer(motion={"kind": "moving"}), "motion.speed: missing"),
        (outer(motion={"kind": "still", "speed": 1.0}), "motion.speed: unknown key"),
        (
            outer(motions=[{"kind": "still"}, {"kind": "moving", "sped": 1.0, "speed": 0.5}]),
            "motions.1.sped: unknown key",
        ),
    ],
)
def test_key_path_is_the_one_in_the_file(content: Any, problem: str) -> None:
    assert refusal(content) == problem


@pytest.mark.parametrize(
    ("block", "key", "found"),
    [
        ({"count": "3"}, "inner.count", '"3"'),
        ({"count": 3.0}, "inner.count", "3.0"),
        ({"count": True}, "inner.count", "true"),
        ({"count": None}, "inner.count", "null"),
        ({"count": [3]}, "inner.count", "[3]"),
        ({"count": 1, "share": "0.5"}, "inner.share", '"0.5"'),
        ({"count": 1, "share": True}, "inner.share", "true"),
        ({"count": 1, "on": "yes"}, "inner.on", '"yes"'),
        ({"count": 1, "on": 1}, "inner.on", "1"),
    ],
)
def test_wrong_type_is_not_converted(block: dict[str, Any], key: str, found: str) -> None:
    problem = refusal(outer(inner=block))
    assert problem.startswith(f"{key}: ")
    assert problem.endswith(f"found {found}")


@pytest.mark.parametrize(
    ("content", "key", "allowed"),
    [
        (outer(inner={"count": 0}), "inner.count", "greater than or equal to 1"),
        (outer(motion={"kind": "moving", "speed": 1.5}), "motion.speed", "less than or equal to 1"),
        (outer(motion={"kind": "falling"}), "motion", "'still', 'moving'"),
        (outer(motion={}), "motion", "'kind'"),
        (outer(inner={"count": 1, "share": float("nan")}), "inner.share", "finite number"),
        (outer(inner={"count": 1, "share": float("inf")}), "inner.share", "finite number"),
    ],
)
def test_impossible_value_is_told_with_what_is_allowed(content: Any, key: str, allowed: str) -> None:
    problem = refusal(content)
    assert problem.startswith(f"{key}: ")
    assert allowed in problem


def test_every_offending_key_is_told() -> None:
    problem = refusal({"name": 3, "inner": {"count": 0}, "other": 1})
    assert [part.split(":")[0] for part in problem.split("; ")] == ["name", "inner.count", "other"]


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_no_mapping_is_refused(content: Any) -> None:
    assert refusal(content).startswith("(whole): ")


def test_long_values_are_cut() -> None:
    problem = refusal(outer(inner={"count": "x" * 1000}))
    assert len(problem) < 200
    assert problem.endswith("...")


def test_lists_become_tuples_and_whole_numbers_floats() -> None:
    built = parse(Outer, outer(pair=[1, 2], inner={"count": 2, "share": 1}), "p")
    assert built.pair == (1, 2)
    assert isinstance(built.inner.share, float)


def test_blocks_cannot_be_changed() -> None:
    built = parse(Outer, outer(), "p")
    with pytest.raises(ValidationError, match="frozen"):
        built.name = "b"


def test_unknown_name_offers_the_nearest_and_lists_all() -> None:
    error = unknown_name("params.yaml: ablations", "ablation", "basline", ["triplet", "baseline"])
    assert str(error).startswith("params.yaml: ablations: unknown ablation 'basline'")
    assert "did you mean 'baseline'?" in error.problem
    assert error.remedy == "choose one of: baseline, triplet"


def test_unknown_name_with_nothing_near_offers_none() -> None:
    error = unknown_name("p", "ablation", "zzz", ["baseline"])
    assert error.problem == "unknown ablation 'zzz'"
