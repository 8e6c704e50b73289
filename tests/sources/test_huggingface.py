"""The huggingface source: the real huggingface_hub client against a server on the loopback interface."""

from __future__ import annotations

import bz2
import errno
import gzip
import os
import subprocess
import sys
from pathlib import Path

import msgpack
import numpy as np
import pytest
from safetensors.numpy import load_file

from finesent.catalog.schema import HuggingFaceSource, RemoteFile
from finesent.sources.base import SourceUnavailable
from finesent.sources.huggingface import HuggingFaceFetcher
from tests.loopback import Answer, Loopback
from tests.sources.helpers import contents, no_sleep, remote, sha256, wanting

REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = HuggingFaceSource(kind="huggingface", repo="someone/some-data", revision=REVISION)
BODY = bytes(range(256)) * 400


def path_of(name: str, repo_type: str = "dataset") -> str:
    prefix = "/datasets" if repo_type == "dataset" else ""
    return f"{prefix}/someone/some-data/resolve/{REVISION}/{name}"


def headers(body: bytes) -> dict[str, str]:
    return {"ETag": f'"{sha256(body)}"', "X-Repo-Commit": REVISION}


def good(body: bytes, cut_after: int | None = None) -> Answer:
    return Answer(body, headers=headers(body), cut_after=cut_after)


def refusal(status: int, code: str = "") -> Answer:
    return Answer(b"", status, {"X-Error-Code": code, "X-Repo-Commit": REVISION} if code else {})


def fetch(folder: Path, *required: RemoteFile, repo_type: str = "dataset") -> dict[str, str]:
    folder.mkdir()
    fetcher = HuggingFaceFetcher(repo_type, no_sleep)  # type: ignore[arg-type]
    return fetcher.fetch(SOURCE, wanting(*required), folder)


@pytest.mark.parametrize("repo_type", ["dataset", "model"])
def test_a_file_comes_byte_for_byte(hub: Loopback, tmp_path: Path, repo_type: str) -> None:
    hub.on(path_of("data/train.jsonl", repo_type), good(BODY))
    file = remote("train.jsonl", BODY, at="data/train.jsonl")
    identity = fetch(tmp_path / "got", file, repo_type=repo_type)
    assert identity == {"repo": "someone/some-data", "revision": REVISION}
    assert contents(tmp_path / "got") == {"train.jsonl": BODY}
    assert not (tmp_path / "got" / "train.jsonl").is_symlink()


def test_a_compressed_file_is_unpacked_and_fetched_again_if_damaged(hub: Loopback, tmp_path: Path) -> None:
    packed = bz2.compress(BODY)
    hub.on(path_of("a.bz2"), good(packed))
    file = remote("a", at="a.bz2!")
    fetch(tmp_path / "first", file)
    next((tmp_path / "hub").rglob("snapshots/*/a.bz2")).resolve().write_bytes(packed[:-4])
    fetch(tmp_path / "second", file)
    assert contents(tmp_path / "first") == contents(tmp_path / "second") == {"a": BODY}


def test_a_truncated_compressed_file_is_refused(hub: Loopback, tmp_path: Path) -> None:
    hub.on(path_of("a.gz"), good(gzip.compress(BODY, mtime=0)[:-4]))
    with pytest.raises(SourceUnavailable, match=r"a\.gz is truncated or altered"):
        fetch(tmp_path / "got", remote("a", at="a.gz!"))


def test_a_cut_connection_is_resumed(hub: Loopback, tmp_path: Path) -> None:
    hub.on(path_of("a"), good(BODY, cut_after=40_000), good(BODY))
    fetch(tmp_path / "got", remote("a", BODY))
    assert [asked.headers.get("Range") for asked in hub.asked_for(path_of("a"))] == [None, "bytes=40000-"]
    assert contents(tmp_path / "got") == {"a": BODY}


def test_a_server_error_is_tried_again(hub: Loopback, tmp_path: Path) -> None:
    # The client itself asks again for the head, but not for the body.
    hub.on(path_of("a"), refusal(503), refusal(500), good(BODY), method="HEAD")
    hub.on(path_of("a"), refusal(500), refusal(502), good(BODY), method="GET")
    fetch(tmp_path / "got", remote("a", BODY))
    assert contents(tmp_path / "got") == {"a": BODY}


def test_bytes_fewer_than_promised_are_refused(hub: Loopback, tmp_path: Path) -> None:
    hub.on(path_of("a"), good(BODY), method="HEAD")
    hub.on(path_of("a"), good(BODY[:-1]), method="GET")
    with pytest.raises(SourceUnavailable, match="should be of size 102400 but has size 102399"):
        fetch(tmp_path / "got", remote("a", BODY))


@pytest.mark.parametrize(
    "answer, said",
    [
        (refusal(401), "HTTP 401: someone/some-data does not exist, or is private or gated; set HF_TOKEN"),
        (refusal(401, "GatedRepo"), "HTTP 401: someone/some-data asks for consent on its page.*HF_TOKEN"),
        (refusal(403), "HTTP 403: .* private or gated; set HF_TOKEN"),
        (refusal(403, "GatedRepo"), "HTTP 403: .* asks for consent .*HF_TOKEN"),
        (refusal(404, "EntryNotFound"), f"HTTP 404: someone/some-data has no file a at revision {REVISION}"),
        (refusal(404, "RevisionNotFound"), f"HTTP 404: someone/some-data has no revision {REVISION}"),
        (refusal(500), "HTTP 500: the server failed"),
    ],
)
def test_a_refusal_is_told_with_what_to_do(hub: Loopback, tmp_path: Path, answer: Answer, said: str) -> None:
    hub.on(path_of("a"), answer)
    with pytest.raises(SourceUnavailable, match=said):
        fetch(tmp_path / "got", remote("a"))


def test_the_token_is_sent_and_never_printed(
    hub: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_top_secret_marker")
    hub.on(path_of("a"), refusal(403, "GatedRepo"))
    with pytest.raises(SourceUnavailable) as error:
        fetch(tmp_path / "got", remote("a"))
    sent = {name.lower(): value for name, value in hub.asked[0].headers.items()}
    assert sent["authorization"] == "Bearer hf_top_secret_marker"
    printed = capfd.readouterr()
    assert "hf_top_secret_marker" not in str(error.value) + printed.out + printed.err


def test_a_file_damaged_in_the_cache_is_fetched_again(hub: Loopback, tmp_path: Path) -> None:
    hub.on(path_of("a"), good(BODY))
    fetch(tmp_path / "first", remote("a", BODY))
    next((tmp_path / "hub").rglob("snapshots/*/a")).resolve().write_bytes(b"damaged")
    fetch(tmp_path / "second", remote("a", BODY))
    assert contents(tmp_path / "second") == {"a": BODY}


def test_without_a_network_the_source_is_out_of_reach(
    hub: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}",
    )
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        fetch(tmp_path / "got", remote("a"))


def test_a_full_disk_is_no_matter_of_the_source(
    hub: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path / "got", remote("a"))


def flax(**arrays: np.ndarray) -> bytes:
    tree = {
        name: msgpack.ExtType(1, msgpack.packb((array.shape, array.dtype.name, array.tobytes())))
        for name, array in arrays.items()
    }
    packed: bytes = msgpack.packb(tree)
    return packed


def test_flax_weights_are_converted_where_there_are_no_safetensors(hub: Loopback, tmp_path: Path) -> None:
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3)
    hub.on(path_of("model.safetensors", "model"), refusal(404, "EntryNotFound"))
    hub.on(path_of("flax_model.msgpack", "model"), good(flax(kernel=kernel)))
    identity = fetch(tmp_path / "got", remote("model.safetensors"), repo_type="model")
    assert identity["converted"] == "model.safetensors from flax_model.msgpack"
    weights = load_file(tmp_path / "got" / "model.safetensors")
    np.testing.assert_array_equal(weights["weight"], kernel.T)


def test_a_repository_of_pickles_alone_is_refused(hub: Loopback, tmp_path: Path) -> None:
    for name in ("model.safetensors", "flax_model.msgpack"):
        hub.on(path_of(name, "model"), refusal(404, "EntryNotFound"))
    hub.on(path_of("pytorch_model.bin", "model"), good(b"a pickle"))
    with pytest.raises(SourceUnavailable, match=r"a pickle \(pytorch_model\.bin\) is never read"):
        fetch(tmp_path / "got", remote("model.safetensors"), repo_type="model")
    assert not hub.asked_for(path_of("pytorch_model.bin", "model"))


def test_weights_out_of_reach_are_not_taken_for_absent(hub: Loopback, tmp_path: Path) -> None:
    hub.on(path_of("model.safetensors", "model"), refusal(404, "EntryNotFound"))
    hub.on(path_of("flax_model.msgpack", "model"), refusal(500))
    with pytest.raises(SourceUnavailable, match="HTTP 500"):
        fetch(tmp_path / "got", remote("model.safetensors"), repo_type="model")


def test_hf_endpoint_is_honoured(server: Loopback, tmp_path: Path) -> None:
    # In a process of its own, because the client reads the variable when it is imported.
    server.on(path_of("a"), good(BODY))
    program = (
        "from pathlib import Path\n"
        "from finesent.catalog.schema import HuggingFaceSource, RemoteFile\n"
        "from finesent.sources.base import Wanted\n"
        "from finesent.sources.huggingface import HuggingFaceFetcher\n"
        f"source = HuggingFaceSource(kind='huggingface', repo='someone/some-data', revision='{REVISION}')\n"
        "wanted = Wanted([RemoteFile(path='a')], [])\n"
        "HuggingFaceFetcher('dataset').fetch(source, wanted, Path('.'))\n"
    )
    repository = Path(__file__).parents[2]
    environment = os.environ | {
        "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(repository)
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "a").read_bytes() == BODY
