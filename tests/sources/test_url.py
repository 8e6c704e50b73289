"""The url source, against a server on the loopback interface."""

from __future__ import annotations

import bz2
from pathlib import Path

import pytest

from finesent.catalog.schema import UrlSource
from finesent.sources.base import SourceUnavailable
from finesent.sources.url import UrlFetcher
from tests.loopback import Answer, Loopback
from tests.sources.helpers import Pack, contents, no_sleep, remote, sha256, tar_of, wanting, zip_of

BODY = bytes(range(256)) * 4000


def fetch(url: str, folder: Path, sha: str | None = None) -> dict[str, str]:
    folder.mkdir()
    source = UrlSource(kind="url", url=url, sha256=sha)
    return UrlFetcher(no_sleep).fetch(source, wanting(remote("a/b.txt")), folder)


def test_a_file_comes_byte_for_byte(server: Loopback, tmp_path: Path) -> None:
    url = server.on("/b.txt", Answer(BODY))
    assert fetch(url, tmp_path / "got", sha256(BODY)) == {"url": url, "sha256": sha256(BODY)}
    assert contents(tmp_path / "got") == {"a/b.txt": BODY}


@pytest.mark.parametrize("name, pack", [("x.zip", zip_of), ("x.tar.gz", tar_of)])
def test_members_are_taken_out_of_an_archive(server: Loopback, tmp_path: Path, name: str, pack: Pack) -> None:
    fetch(server.on(f"/{name}", Answer(pack({"a/b.txt": b"inside", "other": b"left"}))), tmp_path / "got")
    assert contents(tmp_path / "got") == {"a/b.txt": b"inside"}


@pytest.mark.parametrize("cut, said", [(None, ""), (-4, r"b\.txt\.bz2 is truncated or altered")])
def test_one_compressed_file_is_unpacked(
    server: Loopback, tmp_path: Path, cut: int | None, said: str
) -> None:
    packed = bz2.compress(BODY)[:cut]
    source = UrlSource(kind="url", url=server.on("/b.txt.bz2", Answer(packed)), sha256=sha256(packed))
    wanted = wanting(remote("a/b.txt", at="b.txt.bz2!"))
    (tmp_path / "got").mkdir()
    if said:
        with pytest.raises(SourceUnavailable, match=said):
            UrlFetcher(no_sleep).fetch(source, wanted, tmp_path / "got")
        return
    UrlFetcher(no_sleep).fetch(source, wanted, tmp_path / "got")
    assert contents(tmp_path / "got") == {"a/b.txt": BODY}


def test_the_files_of_a_folder_are_fetched_one_by_one(server: Loopback, tmp_path: Path) -> None:
    server.on("/data/Gold%20Data/b.txt", Answer(b"plain"))
    server.on("/data/c.txt", Answer(b"at its path"))
    server.on("/data/d.zip", Answer(zip_of({"in/d.txt": b"inside"})))
    files = (remote("a/b.txt", at="Gold Data/b.txt"), remote("c.txt"), remote("d.txt", at="d.zip!in/d.txt"))
    (tmp_path / "got").mkdir()
    source = UrlSource(kind="url", url=server.url + "/data/")
    identity = UrlFetcher(no_sleep).fetch(source, wanting(*files), tmp_path / "got")
    assert identity == {"url": server.url + "/data/"}
    assert contents(tmp_path / "got") == {"a/b.txt": b"plain", "c.txt": b"at its path", "d.txt": b"inside"}


def test_a_file_that_a_folder_lacks_is_named(server: Loopback, tmp_path: Path) -> None:
    server.on("/data/a.txt", Answer(b"a"))
    source = UrlSource(kind="url", url=server.url + "/data/")
    (tmp_path / "got").mkdir()
    with pytest.raises(SourceUnavailable, match=r"^b\.txt: HTTP 404: there is no such file$"):
        UrlFetcher(no_sleep).fetch(source, wanting(remote("a.txt"), remote("b.txt")), tmp_path / "got")


def test_a_cut_connection_is_resumed_where_it_broke(server: Loopback, tmp_path: Path) -> None:
    # Whole pieces of 256 KiB are kept.
    url = server.on("/b.txt", Answer(BODY, cut_after=600_000), Answer(BODY, cut_after=800_000), Answer(BODY))
    fetch(url, tmp_path / "got", sha256(BODY))
    ranges = [asked.headers.get("Range") for asked in server.asked_for("/b.txt")]
    assert ranges == [None, "bytes=524288-", "bytes=786432-"]
    assert contents(tmp_path / "got") == {"a/b.txt": BODY}


def test_a_server_without_ranges_is_asked_for_everything_again(server: Loopback, tmp_path: Path) -> None:
    url = server.on("/b.txt", Answer(BODY, cut_after=600_000), Answer(BODY, ranges=False))
    fetch(url, tmp_path / "got", sha256(BODY))
    assert contents(tmp_path / "got") == {"a/b.txt": BODY}


def test_a_file_that_became_shorter_is_fetched_anew(server: Loopback, tmp_path: Path) -> None:
    url = server.on("/b.txt", Answer(BODY, cut_after=600_000), Answer(b"short"))
    fetch(url, tmp_path / "got", sha256(b"short"))
    assert contents(tmp_path / "got") == {"a/b.txt": b"short"}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_refusal_is_tried_again_with_longer_waits(
    server: Loopback, tmp_path: Path, status: int
) -> None:
    waits: list[float] = []
    url = server.on("/b.txt", Answer(status=status), Answer(status=status), Answer(BODY))
    (tmp_path / "got").mkdir()
    UrlFetcher(waits.append).fetch(UrlSource(kind="url", url=url), wanting(remote("b.txt")), tmp_path / "got")
    assert waits == [1.0, 2.0]
    assert contents(tmp_path / "got") == {"b.txt": BODY}


@pytest.mark.parametrize(
    "status, said, asked",
    [
        (401, "HTTP 401: it asks for a login", 1),
        (403, "HTTP 403", 1),
        (404, "HTTP 404", 1),
        (502, "HTTP 502", 4),
    ],
)
def test_a_lasting_refusal_is_named(
    server: Loopback, tmp_path: Path, status: int, said: str, asked: int
) -> None:
    url = server.on("/b.txt", Answer(status=status))
    with pytest.raises(SourceUnavailable, match=said):
        fetch(url, tmp_path / "got")
    assert len(server.asked_for("/b.txt")) == asked
    assert contents(tmp_path / "got") == {}


def test_wrong_bytes_are_refused_with_both_hashes(server: Loopback, tmp_path: Path) -> None:
    url = server.on("/b.txt", Answer(b"altered"))
    with pytest.raises(SourceUnavailable) as error:
        fetch(url, tmp_path / "got", sha256(BODY))
    assert sha256(BODY) in str(error.value) and sha256(b"altered") in str(error.value)
    assert contents(tmp_path / "got") == {}


def test_a_truncated_archive_is_refused(server: Loopback, tmp_path: Path) -> None:
    url = server.on("/x.tar.gz", Answer(tar_of({"a/b.txt": BODY})[:-400]))
    with pytest.raises(SourceUnavailable, match=r"x\.tar\.gz is truncated or altered"):
        fetch(url, tmp_path / "got")


def test_a_server_that_is_not_there_is_said_to_be_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"cannot be reached \(NewConnectionError: .*refused"):
        fetch("http://127.0.0.1:9/b.txt", tmp_path / "got")


def test_one_plain_file_cannot_be_two(tmp_path: Path) -> None:
    source = UrlSource(kind="url", url="http://127.0.0.1:9/b.txt")
    with pytest.raises(SourceUnavailable, match="names 2"):
        UrlFetcher(no_sleep).fetch(source, wanting(remote("a"), remote("b")), tmp_path)
