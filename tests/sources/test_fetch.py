"""Fetching a catalog entry: the order of sources, verification, and what a failure leaves behind."""

from __future__ import annotations

import bz2
import errno
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finesent.catalog.schema import Backbone, Dataset
from finesent.errors import FinesentError
from finesent.sources.fetch import fetch
from finesent.validation import parse
from tests.loopback import Answer, Loopback
from tests.sources.helpers import contents, no_sleep, sha256, zip_of

TRAIN = b"__label__1\tbad\n" * 500
TREES = b"(0 bad)\n"
EMOTIONS = ("anger", "fear", "joy", "sadness")


def data_set(*sources: dict[str, Any], sha: str | None = sha256(TRAIN)) -> Dataset:
    plain = {"path": "sst/all.txt", "sha256": sha}
    layouts = {
        "plain": {
            "format": "fasttext",
            "files": {"all": plain},
            "extras": {"trees": {"path": "trees.txt", "sha256": sha256(TREES)}},
        },
        "single": {"format": "fasttext", "files": {"all": plain}},
    }
    content = {
        "title": "t",
        "licence": "l",
        "labels": ["a", "b"],
        "layouts": layouts,
        "sources": list(sources),
    }
    return parse(Dataset, content, "test")


def url(address: str) -> dict[str, Any]:
    return {"kind": "url", "url": address, "layout": "single"}


def mirror(root: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, content in files.items():
        (root / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "mine" / path).write_bytes(content)
    monkeypatch.setenv("FINESENT_MIRROR", str(root))
    return root


def nothing_left_beside(target: Path) -> bool:
    return not list(target.parent.glob(f".{target.name}.*"))


def test_the_first_source_that_answers_is_taken_and_recorded(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = server.on("/good.txt", Answer(TRAIN))
    target = tmp_path / "data" / "raw"
    fetched = fetch("mine", data_set(url(server.url + "/gone.txt"), url(good)), target, sleep=no_sleep)
    assert (fetched.source, fetched.layout, fetched.size) == ("url", "single", len(TRAIN))
    assert (target / "sst" / "all.txt").read_bytes() == TRAIN
    assert json.loads((target / "source.json").read_text()) == {
        "name": "mine",
        "source": "url",
        "layout": "single",
        "identity": {"url": good},
        "files": {"sst/all.txt": sha256(TRAIN)},
    }
    assert "mine: url: HTTP 404" in capsys.readouterr().err
    assert nothing_left_beside(target)


def test_the_mirror_comes_before_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(tmp_path / "m", {"sst/all.txt": TRAIN}, monkeypatch)
    fetched = fetch("mine", data_set(url("http://127.0.0.1:9/x")), tmp_path / "raw")
    assert (fetched.source, fetched.layout) == ("mirror", "plain"), "extras may be absent"
    assert contents(tmp_path / "raw").keys() == {"sst/all.txt", "source.json"}
    assert str(tmp_path) not in (tmp_path / "raw" / "source.json").read_text()


def test_gzipped_files_of_a_mirror_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"sst/all.txt.gz": gzip.compress(TRAIN), "trees.txt.gz": gzip.compress(TREES)}
    mirror(tmp_path / "m", files, monkeypatch)
    fetch("mine", data_set(url("http://127.0.0.1:9/x")), tmp_path / "raw")
    assert (tmp_path / "raw" / "sst" / "all.txt").read_bytes() == TRAIN
    assert (tmp_path / "raw" / "trees.txt").read_bytes() == TREES


def four_files() -> Dataset:
    train = [{"path": f"{name}.txt"} for name in EMOTIONS]
    layout = {"format": "fasttext", "files": {"train": train, "test": {"path": "test.txt"}}}
    content = {
        "title": "t", "licence": "l", "labels": ["a", "b"],
        "layouts": {"default": layout}, "sources": [{"kind": "local"}],
    }  # fmt: skip
    return parse(Dataset, content, "test")


def test_all_files_of_a_split_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("anger.txt", "fear.txt.gz", "joy.txt.bz2", "sadness.txt", "test.txt")
    pack = {".gz": gzip.compress, ".bz2": bz2.compress}
    files = {name: pack.get(Path(name).suffix, bytes)(name[:3].encode()) for name in names}
    mirror(tmp_path / "m", files, monkeypatch)
    assert fetch("mine", four_files(), tmp_path / "raw").source == "mirror"
    got = contents(tmp_path / "raw")
    assert got.keys() == {"source.json", "test.txt", *(f"{name}.txt" for name in EMOTIONS)}
    assert all(got[f"{name}.txt"] == name[:3].encode() for name in EMOTIONS)


def test_a_mirror_that_lacks_one_of_a_splits_files_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    present = ("anger.txt", "fear.txt", "sadness.txt", "test.txt")
    mirror(tmp_path / "m", dict.fromkeys(present, b"a"), monkeypatch)
    for name in (*present, "joy.txt"):
        (tmp_path / "data" / "local").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "local" / name).write_bytes(b"own")
    assert fetch("mine", four_files(), tmp_path / "raw").source == "local"
    assert (tmp_path / "raw" / "anger.txt").read_bytes() == b"own"
    assert "does not hold all the files of any layout (default)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path, content, said",
    [
        ("sst/all.txt", TRAIN[:-1], f"sst/all.txt is truncated or altered: sha256 {sha256(TRAIN[:-1])}"),
        ("sst/all.txt.gz", gzip.compress(TRAIN, mtime=0)[:-12], "all.txt.gz is truncated or altered"),
        ("sst/none.txt", b"", "does not hold all the files of any layout (plain, single)"),
    ],
)
def test_a_mirror_that_is_wrong_is_passed_over(
    server: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    content: bytes,
    said: str,
) -> None:
    mirror(tmp_path / "m", {path: content}, monkeypatch)
    good = server.on("/good.txt", Answer(TRAIN))
    assert fetch("mine", data_set(url(good)), tmp_path / "raw").source == "url"
    assert said in capsys.readouterr().err


def test_with_no_source_left_every_one_is_listed_and_the_old_folder_stays(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINESENT_MIRROR", str(tmp_path / "no-mirror"))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old").write_bytes(b"kept")
    altered = server.on("/altered.txt", Answer(b"altered"))
    entry = data_set(url("http://127.0.0.1:9/x.txt"), url(altered), {"kind": "local", "layout": "single"})
    with pytest.raises(FinesentError) as error:
        fetch("mine", entry, tmp_path / "raw", sleep=no_sleep)
    message = str(error.value)
    for part in (
        "catalog entry mine",
        "\n  mirror: ",
        "\n  url: cannot be reached",
        f"\n  url: sst/all.txt is truncated or altered: sha256 {sha256(b'altered')}, ",
        f"expected {sha256(TRAIN)}",
        "\n  local: there is no file data/local/sst/all.txt",
        "network", "FINESENT_MIRROR", "mine/", "vader-movies",
    ):  # fmt: skip
        assert part in message
    assert contents(tmp_path / "raw") == {"old": b"kept"}
    assert nothing_left_beside(tmp_path / "raw")


def test_a_source_that_the_check_rejects_is_passed_over(server: Loopback, tmp_path: Path) -> None:
    bad, good = server.on("/bad.txt", Answer(b"bad")), server.on("/good.txt", Answer(TRAIN))

    def check(folder: Path, layout: str) -> None:
        assert layout == "single"
        assert (folder / "source.json").exists()
        if (folder / "sst" / "all.txt").read_bytes() == b"bad":
            raise FinesentError("all.txt, row 1", "a broken line", "mend it")

    entry = data_set(url(bad), url(good), sha=None)
    fetch("mine", entry, tmp_path / "raw", check)
    assert (tmp_path / "raw" / "sst" / "all.txt").read_bytes() == TRAIN
    with pytest.raises(FinesentError, match=r"url: all\.txt, row 1: a broken line"):
        fetch("mine", data_set(url(bad), url(bad), sha=None), tmp_path / "raw", check)


def test_what_is_wrong_with_the_only_source_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data" / "local" / "sst").mkdir(parents=True)
    (tmp_path / "data" / "local" / "sst" / "all.txt").write_bytes(b"mine")
    problem = FinesentError("sst/all.txt, row 1", "a broken line", "mend it")

    def check(folder: Path, layout: str) -> None:
        raise problem

    entry = data_set({"kind": "local", "layout": "single"}, sha=None)
    with pytest.raises(FinesentError) as error:
        fetch("mine", entry, tmp_path / "raw", check)
    assert error.value is problem
    fetch("mine", entry, tmp_path / "raw")
    assert json.loads((tmp_path / "raw" / "source.json").read_text())["identity"] == {"folder": "data/local"}


def test_a_full_disk_stops_everything_and_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror(tmp_path / "m", {"sst/all.txt": TRAIN, "trees.txt": TREES}, monkeypatch)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old").write_bytes(b"kept")
    copy = shutil.copyfile

    def full(origin: Path, target: Path) -> None:
        if target.name == "trees.txt":
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(origin, target)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(FinesentError, match="the disk is full"):
        fetch("mine", data_set(url("http://127.0.0.1:9/x")), tmp_path / "raw")
    assert contents(tmp_path / "raw") == {"old": b"kept"}
    assert nothing_left_beside(tmp_path / "raw")


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "kaggle", "handle": "a/b", "layout": "single"},
        {"kind": "huggingface", "repo": "a/b", "revision": "0" * 40, "layout": "single"},
        {
            "kind": "pypi", "package": "none-such", "version": "1", "distribution": "wheel",
            "sha256": "0" * 64, "layout": "single",
        },
    ],
)  # fmt: skip
def test_every_kind_of_source_is_tried(
    kaggle: Loopback, hub: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FinesentError, match=f"\n  {source['kind']}: "):
        fetch("mine", data_set(source), tmp_path / "raw", sleep=no_sleep)


def test_wrong_bytes_from_kaggle_and_the_hub_are_refused(
    kaggle: Loopback, hub: Loopback, tmp_path: Path
) -> None:
    revision, bad = "0" * 40, b"altered"
    kaggle.on("/v1/datasets.DatasetApiService/DownloadDataset", Answer(zip_of({"sst/all.txt": bad})))
    headers = {"ETag": f'"{sha256(bad)}"', "X-Repo-Commit": revision}
    hub.on(f"/datasets/a/b/resolve/{revision}/sst/all.txt", Answer(bad, headers=headers))
    sources: list[dict[str, Any]] = [
        {"kind": "kaggle", "handle": "a/b", "version": 1, "layout": "single"},
        {"kind": "huggingface", "repo": "a/b", "revision": revision, "layout": "single"},
    ]
    with pytest.raises(FinesentError) as error:
        fetch("mine", data_set(*sources), tmp_path / "raw", sleep=no_sleep)
    for kind in ("kaggle", "huggingface"):
        said = f"{kind}: sst/all.txt is truncated or altered: sha256 {sha256(bad)}, expected {sha256(TRAIN)}"
        assert said in str(error.value)
    assert not (tmp_path / "raw").exists()


def test_a_backbone_is_fetched_alike(server: Loopback, tmp_path: Path) -> None:
    layouts = {"default": {"files": [{"path": "config.json", "sha256": sha256(b"{}")}]}}
    source = {"kind": "url", "url": server.on("/config.json", Answer(b"{}"))}
    content = {"title": "t", "licence": "l", "parameters": "1", "layouts": layouts, "sources": [source]}
    fetch("tiny", parse(Backbone, content, "test"), tmp_path / "backbone")
    assert (tmp_path / "backbone" / "config.json").read_bytes() == b"{}"
