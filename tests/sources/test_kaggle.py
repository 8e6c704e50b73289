"""The kaggle source: the real kagglehub client against a server on the loopback interface."""

from __future__ import annotations

import base64
import bz2
import errno
import hashlib
import json
from pathlib import Path

import pytest

from finesent.catalog.schema import KaggleSource, RemoteFile
from finesent.sources.base import SourceUnavailable
from finesent.sources.kaggle import KaggleFetcher
from tests.loopback import Answer, Loopback
from tests.sources.helpers import contents, no_sleep, remote, wanting, zip_of

GET_DATASET = "/v1/datasets.DatasetApiService/GetDataset"
DOWNLOAD = "/v1/datasets.DatasetApiService/DownloadDataset"
STORAGE = "/storage/archive.zip"

TRAIN = bytes(range(256)) * 20
ARCHIVE = zip_of(
    {"sst/train.txt": TRAIN, "deep/down/dev.txt": b"dev", "1/same.txt": b"1", "2/same.txt": b"2"}
)
SOURCE = KaggleSource(kind="kaggle", handle="someone/some-data", version=3)


def publish(server: Loopback, *storage: Answer) -> None:
    """Script a public data set at version 7 whose archive comes with these answers."""
    version = json.dumps({"currentVersionNumber": 7}).encode()
    server.on(GET_DATASET, Answer(version, headers={"Content-Type": "application/json"}))
    server.on(DOWNLOAD, Answer(status=302, headers={"Location": server.url + STORAGE}))
    server.on(STORAGE, *storage)


def fetch(folder: Path, *required: RemoteFile, source: KaggleSource = SOURCE) -> dict[str, str]:
    folder.mkdir()
    return KaggleFetcher(no_sleep).fetch(source, wanting(*required, extras=(remote("trees.txt"),)), folder)


def refuse(server: Loopback, status: int) -> None:
    server.on(GET_DATASET, Answer(b"{}", status=status))
    server.on(DOWNLOAD, Answer(b"{}", status=status))


def test_the_wanted_files_are_copied_and_absent_extras_left_out(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(ARCHIVE))
    identity = fetch(tmp_path / "got", remote("sst/train.txt", TRAIN))
    assert identity == {"handle": "someone/some-data", "version": "3"}
    assert contents(tmp_path / "got") == {"sst/train.txt": TRAIN}
    assert not kaggle.asked_for(GET_DATASET, "POST"), "a pinned version needs no look-up"


def test_without_a_pinned_version_the_one_that_answered_is_recorded(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(ARCHIVE))
    newest = KaggleSource(kind="kaggle", handle="someone/some-data")
    assert fetch(tmp_path / "got", remote("sst/train.txt"), source=newest)["version"] == "7"


def test_a_file_elsewhere_is_found_by_its_name_if_that_is_unique(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(ARCHIVE))
    fetch(tmp_path / "got", remote("sst/dev.txt"))
    assert contents(tmp_path / "got") == {"sst/dev.txt": b"dev"}


@pytest.mark.parametrize("path", ["sst/same.txt", "sst/none.txt"])
def test_a_file_that_is_not_there_or_there_twice_is_named(
    kaggle: Loopback, tmp_path: Path, path: str
) -> None:
    publish(kaggle, Answer(ARCHIVE))
    with pytest.raises(SourceUnavailable, match=f"version 3 of someone/some-data holds no file {path}"):
        fetch(tmp_path / "got", remote(path))


def test_a_cut_connection_is_resumed(kaggle: Loopback, tmp_path: Path) -> None:
    cut = 300
    publish(kaggle, Answer(ARCHIVE, cut_after=cut), Answer(ARCHIVE))
    fetch(tmp_path / "got", remote("sst/train.txt", TRAIN))
    assert f"bytes={cut}-" in [asked.headers.get("Range") for asked in kaggle.asked_for(STORAGE)]
    assert contents(tmp_path / "got") == {"sst/train.txt": TRAIN}


def test_a_resumed_archive_that_does_not_fit_is_fetched_anew(kaggle: Loopback, tmp_path: Path) -> None:
    # The client appends what it gets, be it the missing part or not.
    broken = Answer(b"?" * len(ARCHIVE))
    publish(kaggle, Answer(ARCHIVE, cut_after=300), broken, broken, Answer(ARCHIVE))
    fetch(tmp_path / "got", remote("sst/train.txt", TRAIN))
    assert contents(tmp_path / "got") == {"sst/train.txt": TRAIN}


def test_a_server_error_is_tried_again(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(status=503), Answer(status=500), Answer(ARCHIVE))
    fetch(tmp_path / "got", remote("sst/train.txt", TRAIN))
    assert contents(tmp_path / "got") == {"sst/train.txt": TRAIN}


def test_a_lasting_server_error_is_given_up_after_four_attempts(kaggle: Loopback, tmp_path: Path) -> None:
    refuse(kaggle, 500)
    with pytest.raises(SourceUnavailable, match="HTTP 500: the server failed"):
        fetch(tmp_path / "got", remote("sst/train.txt"))
    assert len(kaggle.asked_for(DOWNLOAD, "POST")) == 4


def test_bytes_against_the_servers_own_checksum_are_fetched_again(kaggle: Loopback, tmp_path: Path) -> None:
    md5 = base64.b64encode(hashlib.md5(ARCHIVE).digest()).decode()
    checked = {"x-goog-hash": f"md5={md5}"}
    publish(kaggle, Answer(b"?" * len(ARCHIVE), headers=checked), Answer(ARCHIVE, headers=checked))
    fetch(tmp_path / "got", remote("sst/train.txt", TRAIN))
    assert contents(tmp_path / "got") == {"sst/train.txt": TRAIN}


def test_a_file_damaged_in_the_cache_is_fetched_again(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(ARCHIVE))
    fetch(tmp_path / "first", remote("sst/train.txt", TRAIN))
    (cached,) = (tmp_path / "kagglehub").rglob("train.txt")
    cached.write_bytes(TRAIN[:-1])
    fetch(tmp_path / "second", remote("sst/train.txt", TRAIN))
    assert contents(tmp_path / "second") == {"sst/train.txt": TRAIN}


def test_a_compressed_file_is_unpacked(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(zip_of({"train.ft.txt.bz2": bz2.compress(TRAIN)})))
    fetch(tmp_path / "got", remote("train.ft.txt", TRAIN, at="train.ft.txt.bz2!"))
    assert contents(tmp_path / "got") == {"train.ft.txt": TRAIN}


@pytest.mark.parametrize("pinned", [True, False])
def test_a_compressed_file_damaged_in_the_cache_is_fetched_again(
    kaggle: Loopback, tmp_path: Path, pinned: bool
) -> None:
    publish(kaggle, Answer(zip_of({"train.ft.txt.bz2": bz2.compress(TRAIN)})))
    file = remote("train.ft.txt", TRAIN if pinned else None, at="train.ft.txt.bz2!")
    fetch(tmp_path / "first", file)
    (cached,) = (tmp_path / "kagglehub").rglob("train.ft.txt.bz2")
    cached.write_bytes(cached.read_bytes()[:-4])
    fetch(tmp_path / "second", file)
    assert contents(tmp_path / "second") == {"train.ft.txt": TRAIN}


def test_a_truncated_compressed_file_is_refused(kaggle: Loopback, tmp_path: Path) -> None:
    publish(kaggle, Answer(zip_of({"train.ft.txt.bz2": bz2.compress(TRAIN)[:-4]})))
    with pytest.raises(SourceUnavailable, match=r"train\.ft\.txt\.bz2 is truncated or altered"):
        fetch(tmp_path / "got", remote("train.ft.txt", at="train.ft.txt.bz2!"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_private_set_without_credentials_names_the_variables(
    kaggle: Loopback, tmp_path: Path, status: int
) -> None:
    refuse(kaggle, status)
    with pytest.raises(SourceUnavailable) as error:
        fetch(tmp_path / "got", remote("sst/train.txt"))
    for part in (f"HTTP {status}", "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "~/.kaggle"):
        assert part in str(error.value)
    assert len(kaggle.asked_for(DOWNLOAD, "POST")) == 1


@pytest.mark.parametrize("variables", [("KAGGLE_API_TOKEN",), ("KAGGLE_USERNAME", "KAGGLE_KEY")])
def test_credentials_are_sent_and_never_printed(
    kaggle: Loopback,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variables: tuple[str, ...],
) -> None:
    for variable in variables:
        monkeypatch.setenv(variable, "top-secret-marker")
    refuse(kaggle, 403)
    with pytest.raises(SourceUnavailable) as error:
        fetch(tmp_path / "got", remote("sst/train.txt"))
    assert "Authorization" in kaggle.asked_for(DOWNLOAD, "POST")[0].headers
    printed = capfd.readouterr()
    assert "top-secret-marker" not in str(error.value) + printed.out + printed.err


def test_a_set_that_does_not_exist_is_said_so(kaggle: Loopback, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="HTTP 404: there is no someone/some-data"):
        fetch(tmp_path / "got", remote("sst/train.txt"))


def test_without_a_network_the_source_is_out_of_reach(
    kaggle: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kagglesdk import kaggle_env  # type: ignore[import-untyped]

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        fetch(tmp_path / "got", remote("sst/train.txt"))


def test_a_full_disk_is_no_matter_of_the_source(
    kaggle: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kagglehub.dataset_download", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path / "got", remote("sst/train.txt"))


def test_any_other_failure_of_the_client_is_told_in_one_line(
    kaggle: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> str:
        raise RuntimeError("odd\nthing")

    monkeypatch.setattr("kagglehub.dataset_download", fail)
    with pytest.raises(SourceUnavailable, match=r"^the download failed \(RuntimeError: odd\)$"):
        fetch(tmp_path / "got", remote("sst/train.txt"))
