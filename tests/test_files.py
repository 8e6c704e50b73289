"""Files appear whole or not at all, and JSON is the same byte for byte."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finesent.errors import FinesentError
from finesent.files import read_json, replacing, sha256_of, write_json, write_text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def half_written(path: Path, failure: BaseException) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of it")
        raise failure


def test_replacing_puts_the_file_in_place_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "a.txt"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(target.parent) == ["a.txt"]


def test_replacing_keeps_the_old_content_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("failure", [RuntimeError("x"), KeyboardInterrupt(), OSError(errno.EACCES, "x")])
def test_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(failure)) as caught:
        half_written(target, failure)
    assert caught.value is failure
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_failure_without_old_content_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        half_written(tmp_path / "a.txt", RuntimeError())
    assert names(tmp_path) == []


def test_a_folder_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "stale").write_text("old")
    with replacing(target) as temporary:
        temporary.mkdir()
        (temporary / "fresh").write_text("new")
        assert names(target) == ["stale"]
    assert names(target) == ["fresh"]
    assert names(tmp_path) == ["model"]


def test_a_failed_folder_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "stale").write_text("old")
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        (temporary / "sub").mkdir(parents=True)
        (temporary / "sub" / "fresh").write_text("half")
        raise RuntimeError
    assert names(tmp_path) == ["model"]
    assert (target / "stale").read_text() == "old"


def test_a_link_is_replaced_and_what_it_names_is_not(tmp_path: Path) -> None:
    """DVC may link an out to its cache, whose content must never change."""
    cached = tmp_path / "cached"
    cached.write_text("cached")
    target = tmp_path / "out"
    target.symlink_to(cached)
    write_text(target, "new")
    assert (cached.read_text(), target.read_text(), target.is_symlink()) == ("cached", "new", False)


def test_within_holds_what_is_not_finished(tmp_path: Path) -> None:
    target, work = tmp_path / "outs" / "a.txt", tmp_path / "work" / "deep"
    with replacing(target, within=work) as temporary:
        temporary.write_text("new")
        assert names(target.parent) == []
        assert temporary.parent == work
    assert target.read_text() == "new"
    assert names(work) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_names_path_and_remedy_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    write = Path.write_text

    def fill(self: Path, text: str, **options: str) -> int:
        write(self, text[:3])
        raise OSError(number, "full", str(self))

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(FinesentError, match=r"the disk is full(.|\n)*dvc gc") as caught:
        write_json(target, {"a": 1})
    assert caught.value.place == str(target)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_full_disk_while_making_the_folder_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, **_: object) -> None:
        raise OSError(errno.ENOSPC, "full", str(self))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(FinesentError, match="the disk is full"):
        write_text(tmp_path / "new" / "a.txt", "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_full_disk_is_recognised_in_what_pyarrow_raises(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(100_000))})
    # Opened here: given a path, pyarrow would remove it when the writing fails.
    with (
        pytest.raises(FinesentError, match="the disk is full"),
        replacing(tmp_path / "a.parquet"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        pq.write_table(table, full)


def test_text_has_unix_line_ends_and_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\n×\n")
    assert (tmp_path / "a.txt").read_bytes() == "é\n×\n".encode()


def test_json_is_stable(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [0.1, None, "é"]})
    assert path.read_bytes() == ('{\n  "b": 1,\n  "a": [\n    0.1,\n    null,\n    "é"\n  ]\n}\n'.encode())


@given(value=json_values)
def test_json_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    write_json(path, value)
    assert read_json(path) == value
    first = path.read_bytes()
    write_json(path, read_json(path))
    assert path.read_bytes() == first


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_is_no_number(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"accuracy": value})
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_missing_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(FinesentError, match="the file is missing") as caught:
        read_json(tmp_path / "a.json")
    assert caught.value.place == str(tmp_path / "a.json")
    assert "dvc repro" in caught.value.remedy


@pytest.mark.parametrize("content", [b"{", b"", b'{"a": "\xff"}', json.dumps([1]).encode("utf-16")])
def test_broken_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FinesentError, match="not valid JSON") as caught:
        read_json(path)
    assert caught.value.place == str(path)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_sha256_agrees_with_hashlib(tmp_path: Path, size: int) -> None:
    content = (b"finesent" * (size // 8 + 1))[:size]
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()
