"""An input is a template with one place for the text, and a length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finesent.errors import FinesentError
from finesent.params.tokenize import Input, read_input

Spoil = Callable[..., Path]


def test_the_input_is_read_by_its_name(spoil: Spoil) -> None:
    assert read_input("prompt", spoil()) == Input(template="Review: {text}", max_length=128)


def test_unknown_input_offers_the_nearest(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match=r"inputs: unknown input 'plian'.*did you mean 'plain'") as caught:
        read_input("plian", spoil())
    assert caught.value.remedy == "choose one of: plain, prompt"


@pytest.mark.parametrize("template", ["", "text", "{ text }", "{text} and {text}", "{0}"])
def test_template_needs_one_place_for_the_text(spoil: Spoil, template: str) -> None:
    with pytest.raises(FinesentError, match=r"inputs\.plain: template: must hold \{text\} exactly once"):
        read_input("plain", spoil("inputs.plain.template", template))


@pytest.mark.parametrize("template", ["{text}", "{{text}}", "{text} {other} {}", "a\nb: {text}\n"])
def test_other_braces_are_text(spoil: Spoil, template: str) -> None:
    assert read_input("plain", spoil("inputs.plain.template", template)).template == template


@pytest.mark.parametrize("length", [7, 8193, 0, -1, "64", 64.0, None])
def test_impossible_lengths_are_refused(spoil: Spoil, length: Any) -> None:
    with pytest.raises(FinesentError, match=r"inputs\.plain: max_length: "):
        read_input("plain", spoil("inputs.plain.max_length", length))


@pytest.mark.parametrize("length", [8, 8192])
def test_the_limits_themselves_are_fine(spoil: Spoil, length: int) -> None:
    assert read_input("plain", spoil("inputs.plain.max_length", length)).max_length == length


def test_other_inputs_do_not_matter(spoil: Spoil) -> None:
    assert read_input("plain", spoil("inputs.prompt", "garbage")).max_length == 64


@pytest.mark.parametrize("block", [None, "{text}", []])
def test_malformed_input_is_named(spoil: Spoil, block: Any) -> None:
    with pytest.raises(FinesentError, match=r"inputs\.plain: "):
        read_input("plain", spoil("inputs.plain", block))


def test_missing_inputs_are_named(spoil: Spoil) -> None:
    with pytest.raises(FinesentError, match="inputs: must be a mapping"):
        read_input("plain", spoil("inputs"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"max_size": 2}, r"words\.max_size: "),
        ({"min_count": 0}, r"words\.min_count: "),
        ({"lowercase": "yes"}, r"words\.lowercase: "),
        ({"stem": True}, r"words\.stem: unknown key"),
    ],
)
def test_impossible_vocabularies_are_refused(spoil: Spoil, words: dict[str, Any], problem: str) -> None:
    block = {"max_size": 100, "min_count": 1, "lowercase": True, **words}
    with pytest.raises(FinesentError, match=problem):
        read_input("plain", spoil("inputs.plain.words", block))


def test_words_take_the_bare_text(spoil: Spoil) -> None:
    words = {"max_size": 100, "min_count": 1, "lowercase": True}
    path = spoil("inputs.prompt.words", words)
    with pytest.raises(FinesentError, match="an input with words takes the bare text"):
        read_input("prompt", path)
    assert read_input("plain", spoil("inputs.plain.words", words)).words is not None
