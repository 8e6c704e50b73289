"""YAML is read as DVC reads it, and what cannot be read is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import parse_yaml
from ruamel.yaml import YAML

from finesent.errors import FinesentError
from finesent.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
FILES = [ROOT / name for name in ("params.yaml", "dvc.yaml", "dvc.lock")]
FILES += sorted(path for folder in ("catalog", "studies") for path in (ROOT / folder).glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_dvcs_own_parser_finds_the_same(path: Path) -> None:
    # It is libyaml's, which does not take every file that is YAML.
    parsed = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    assert not YAML(typ="safe").Parser.__module__.startswith("ruamel.yaml.parser")
    assert json.dumps(parsed, default=str) == json.dumps(read_yaml(path), default=str)


def load(folder: Path, content: str | bytes) -> dict[str, Any]:
    path = folder / "a.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_yaml(path)


@pytest.mark.parametrize("written", ["1e-5", "1e-05", "1.0e-5", "1E-5", "0.00001"])
def test_exponents_are_numbers_with_or_without_a_point(tmp_path: Path, written: str) -> None:
    value = load(tmp_path, f"rate: {written}\n")["rate"]
    assert isinstance(value, float)
    assert value == 1e-5


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("'3'", "3"),
        ("3", 3),
        ("", None),
        ("null", None),
        ("~", None),
    ],
)
def test_words_are_words_as_in_yaml_1_2(tmp_path: Path, written: str, value: object) -> None:
    found = load(tmp_path, f"key: {written}\n")["key"]
    assert found == value
    assert type(found) is type(value)


def test_anchors_are_laid_under(tmp_path: Path) -> None:
    content = load(tmp_path, "a: &base {x: 1, y: 2}\nb:\n  <<: *base\n  y: 3\n")
    assert dict(content["b"]) == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: [1, 2\nb: 3\n", "not valid YAML"),
        ("a: 1\n\tb: 2\n", "not valid YAML"),
        ("a: 1\na: 2\n", "not valid YAML.*duplicate key"),
        ("a: *nowhere\n", "not valid YAML"),
        ("a: !!python/object:os.system x\n", "not valid YAML"),
        ("a: 2024-13-01\n", "not valid YAML: month"),
        ("a: \x01\n", "not valid YAML"),
        ("", "no mapping"),
        ("- a\n- b\n", "no mapping"),
        ("word\n", "no mapping"),
        (b"a: caf\xe9\n", r"not UTF-8 \(byte 6\)"),
        ("512: x\n", "the key 512 is no text"),
        ("inputs:\n  512: {template: x}\n", "the key 512 is no text"),
        ("a: [{1.5: x}]\n", "the key 1.5 is no text"),
        ("null: x\n", "the key None is no text"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(FinesentError, match=f"(?s){problem}") as caught:
        load(tmp_path, content)
    assert caught.value.place == str(tmp_path / "a.yaml")
    assert caught.value.remedy


def test_the_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="line 2"):
        load(tmp_path, "a: 1\nb: c: d\n")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="the file is missing") as caught:
        read_yaml(tmp_path / "params.yaml")
    assert caught.value.place == str(tmp_path / "params.yaml")
