"""The tokenize stage: three splits as token ids, with the encoding inside the files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from finesent.data.embeddings import load_vectors
from finesent.data.tables import write_rows
from finesent.data.tokenization import load_tokenizer
from finesent.data.tokens import read_tokens
from finesent.data.transfer import TransferInfo, read_transfer_index, transfer_file, write_transfer_index
from finesent.data.vocabulary import read_vocabulary
from finesent.errors import FinesentError
from stages import tokenize

MakeProject = Callable[..., Path]
FilesUnder = Callable[[Path], dict[str, bytes]]
Run = Callable[..., str]

TEXTS = {
    "train": ["the film was superb", "an awful story " * 8, "plain"],
    "dev": ["good music", "poor plot"],
    "test": ["superb scene"],
}


def write_transfer(folder: Path, sets: dict[str, list[str]]) -> dict[str, TransferInfo]:
    """Write further test sets with these texts, as clean does."""
    index = {}
    for name, texts in sets.items():
        rows = pd.DataFrame({"id": [f"all-{n}" for n in range(len(texts))], "text": texts, "label": 1})
        write_rows(transfer_file(folder / tokenize.TRANSFER, name), rows)
        index[name] = TransferInfo(
            dataset="d", title="D", labels=["bad", "good"], classes=[2], rows=len(texts), shared_with_train=4
        )
    write_transfer_index(folder / tokenize.TRANSFER, index)
    return index


@pytest.fixture
def prepare(make_project: MakeProject, backbone: Path) -> MakeProject:
    """A project with the rows that clean and sample wrote, and the tiny backbone."""

    def make(name: str = "project") -> Path:
        folder = make_project({}, name)
        shutil.copytree(backbone, folder / "data" / "backbone")
        for split, texts in TEXTS.items():
            rows = pd.DataFrame(
                {
                    "id": [f"{split}-{n}" for n in range(len(texts))],
                    "text": texts,
                    "label": [n % 3 for n in range(len(texts))],
                }
            )
            write_rows(folder / tokenize.SOURCES[split], rows)
        write_transfer(folder, {})
        return folder

    return make


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the stage with these arguments."""

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["tokenize", *arguments])
        return tokenize.main()

    return call


def test_three_splits_are_written_with_their_encoding(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    told = ["train 11.7 tokens a row, 0 cut", "dev 4.0 tokens a row, 0 cut", "test 4.0 tokens a row, 0 cut"]
    assert run("plain") == f"tokenize plain: {'; '.join(told)}"
    tokenizer = load_tokenizer(Path("data/backbone"))
    for split, texts in TEXTS.items():
        tokens = read_tokens(folder / "data" / "tokenized" / "plain" / f"{split}.parquet")
        assert tokens.ids == [f"{split}-{n}" for n in range(len(texts))]
        assert tokens.labels.tolist() == [n % 3 for n in range(len(texts))]
        assert tokens.words.tolist() == [len(text.split()) for text in texts]
        rows = [tokens.tokens[first:last].tolist() for first, last in pairwise(tokens.offsets)]
        assert rows == [tokenizer(text)["input_ids"] for text in texts]
        assert (tokens.encoding.input, tokens.encoding.max_length) == ("plain", 32)


def test_long_rows_are_cut_and_counted(prepare: MakeProject, run: Run) -> None:
    prepare()
    assert "train 9.0 tokens a row, 1 cut; dev" in run("prompt")
    tokens = read_tokens(Path("data/tokenized/prompt/train.parquet"))
    assert tokens.lengths.tolist() == [9, 12, 6]
    assert tokens.words.tolist() == [4, 24, 1]
    assert tokens.encoding.template == "Review: {text} :"


def test_inputs_lie_side_by_side(prepare: MakeProject, run: Run, files_under: FilesUnder) -> None:
    prepare()
    run("plain")
    before = files_under(Path("data/tokenized"))
    run("prompt")
    after = files_under(Path("data/tokenized"))
    files = [*(f"{split}.parquet" for split in TEXTS), "transfer/index.json"]
    assert set(before) == {f"plain/{file}" for file in files}
    assert set(after) == set(before) | {f"prompt/{file}" for file in files}
    assert {name: after[name] for name in before} == before


def test_running_twice_and_elsewhere_gives_the_same_bytes(
    prepare: MakeProject, run: Run, files_under: FilesUnder
) -> None:
    runs = []
    for name in ("one", "one", "the other"):
        folder = Path.cwd() if Path.cwd().name == name else prepare(name)
        write_transfer(folder, {"tweets": ["good plot"]})
        run("prompt")
        runs.append(files_under(folder / "data" / "tokenized"))
    assert len(runs[0]) == 5
    assert runs[0] == runs[1] == runs[2]


def test_further_test_sets_are_tokenized_alike_and_keep_their_index(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    index = write_transfer(folder, {"tweets": ["good music", "superb"], "news": ["plain"]})
    assert run("plain").endswith("; tweets 3.5 tokens a row, 0 cut; news 3.0 tokens a row, 0 cut")
    tokenized = folder / "data" / "tokenized" / "plain"
    assert list(read_transfer_index(tokenized / "transfer").items()) == list(index.items())
    tweets = read_tokens(transfer_file(tokenized / "transfer", "tweets"))
    assert tweets.ids == ["all-0", "all-1"]
    assert tweets.labels.tolist() == [1, 1]
    assert tweets.encoding == read_tokens(tokenized / "test.parquet").encoding


def test_a_test_set_that_is_gone_goes_here_too(
    prepare: MakeProject, run: Run, files_under: FilesUnder
) -> None:
    folder = prepare()
    write_transfer(folder, {"tweets": ["good music"], "news": ["plain"]})
    run("plain")
    write_transfer(folder, {"news": ["plain"]})
    run("plain")
    left = files_under(folder / "data" / "tokenized" / "plain" / "transfer")
    assert set(left) == {"index.json", "news.parquet"}


def test_a_missing_test_set_leaves_what_was_there(
    prepare: MakeProject, run: Run, files_under: FilesUnder
) -> None:
    folder = prepare()
    write_transfer(folder, {"tweets": ["good music"], "news": ["plain"]})
    run("plain")
    before = files_under(folder / "data" / "tokenized")
    transfer_file(tokenize.TRANSFER, "news").unlink()
    with pytest.raises(FinesentError, match=r"news\.parquet: the file is missing"):
        run("plain")
    assert files_under(folder / "data" / "tokenized") == before


def test_empty_split_is_told_as_such(prepare: MakeProject, run: Run) -> None:
    prepare()
    write_rows(tokenize.SOURCES["test"], pd.DataFrame({"id": [], "text": [], "label": []}))
    assert run("plain").endswith("test 0.0 tokens a row, 0 cut")


@pytest.mark.parametrize("arguments", [(), ("plain", "prompt")])
def test_needs_the_name_of_one_input(prepare: MakeProject, run: Run, arguments: tuple[str, ...]) -> None:
    prepare()
    with pytest.raises(FinesentError, match="needs the name of one input"):
        run(*arguments)


def test_unknown_input_is_refused(prepare: MakeProject, run: Run) -> None:
    prepare()
    with pytest.raises(FinesentError, match=r"unknown input 'promt'.*did you mean 'prompt'"):
        run("promt")
    assert not Path("data/tokenized").exists()


@pytest.mark.parametrize(("split", "left"), [("train", set()), ("test", {"train.parquet", "dev.parquet"})])
def test_missing_split_is_named_and_only_whole_files_are_left(
    prepare: MakeProject, run: Run, files_under: FilesUnder, split: str, left: set[str]
) -> None:
    prepare()
    tokenize.SOURCES[split].unlink()
    with pytest.raises(FinesentError, match="the file is missing") as caught:
        run("plain")
    assert caught.value.place == str(tokenize.SOURCES[split])
    assert set(files_under(Path("data/tokenized/plain"))) == left
    for name in left:
        read_tokens(Path("data/tokenized/plain") / name)


def test_missing_backbone_is_named(prepare: MakeProject, run: Run) -> None:
    prepare()
    shutil.rmtree("data/backbone")
    with pytest.raises(FinesentError, match="data/backbone: no tokenizer could be loaded"):
        run("plain")
    assert not Path("data/tokenized").exists()


def test_template_that_leaves_no_room_is_refused(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    params = json.loads((folder / "params.yaml").read_text())
    params["inputs"]["prompt"]["template"] = "the film " * 6 + "{text}"
    (folder / "params.yaml").write_text(json.dumps(params))
    with pytest.raises(FinesentError, match="the template alone has 14 tokens, more than max_length=12"):
        run("prompt")
    assert not Path("data/tokenized").exists()


WORDS: dict[str, Any] = {
    "template": "{text}",
    "max_length": 32,
    "words": {"max_size": 50, "min_count": 1, "lowercase": True},
}


def set_params(folder: Path, **changes: Any) -> None:
    params = json.loads((folder / "params.yaml").read_text())
    (folder / "params.yaml").write_text(json.dumps(params | changes))


def test_words_are_numbered_by_a_vocabulary_of_train_alone(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    set_params(folder, inputs={"words": WORDS})
    assert run("words").endswith("test 2.0 tokens a row, 0 cut; 10 words")
    tokenized = folder / "data" / "tokenized" / "words"
    vocabulary = read_vocabulary(tokenized / "words" / "vocabulary.json")
    repeated, once = ["an", "awful", "story"], ["film", "plain", "superb", "the", "was"]
    assert vocabulary.words == ["<PAD>", "<UNK>", *repeated, *once]
    dev, test = (read_tokens(tokenized / f"{split}.parquet") for split in ("dev", "test"))
    # None of dev's words is in train, and of test's one is.
    assert dev.tokens.tolist() == [1, 1, 1, 1]
    assert test.tokens.tolist() == [7, 1]
    assert test.encoding.tokenizer == vocabulary.sha256
    assert (test.encoding.pad_id, test.encoding.vocabulary_size) == (0, 10)


@pytest.mark.slow
@pytest.mark.parametrize("rules", [{"template": "{text}", "max_length": 32}, WORDS], ids=["plain", "words"])
def test_the_size_of_batches_and_the_number_of_processes_do_not_show(
    prepare: MakeProject,
    run: Run,
    files_under: FilesUnder,
    monkeypatch: pytest.MonkeyPatch,
    rules: dict[str, Any],
) -> None:
    runs = []
    for name, size in (("whole", 1 << 14), ("pieces", 2)):
        monkeypatch.setattr(tokenize, "BATCH", size)
        monkeypatch.setattr(tokenize, "_BATCH", size)
        folder = prepare(name)
        set_params(folder, inputs={"some": rules})
        runs.append((run("some"), files_under(folder / "data" / "tokenized")))
    assert runs[0] == runs[1]


def test_other_dev_and_test_texts_leave_the_vocabulary_as_it_was(
    prepare: MakeProject, run: Run, files_under: FilesUnder
) -> None:
    folder = prepare()
    set_params(folder, inputs={"words": WORDS})
    run("words")
    words = folder / "data" / "tokenized" / "words" / "words"
    before = files_under(words)
    for split in ("dev", "test"):
        rows = pd.DataFrame({"id": ["x"], "text": ["story story story the the other words"], "label": [0]})
        write_rows(folder / tokenize.SOURCES[split], rows)
    write_transfer(folder, {"tweets": ["story and more"]})
    run("words")
    assert files_under(words) == before


def test_the_vectors_of_the_words_are_kept_and_their_coverage_told(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    entry = {
        "title": "Tiny",
        "licence": "none",
        "dimensions": 2,
        "layouts": {"default": {"format": "text", "files": {"vectors": {"path": "vectors.txt"}}}},
        "sources": [{"kind": "local"}],
    }
    (folder / "catalog" / "embeddings.yaml").write_text(json.dumps({"tiny": entry}))
    (folder / "data" / "embeddings").mkdir()
    (folder / "data" / "embeddings" / "source.json").write_text('{"layout": "default"}')
    (folder / "data" / "embeddings" / "vectors.txt").write_text("good 0 1\nstory 1 2\nthe 3 4\n")
    set_params(folder, inputs={"words": WORDS}, embeddings="tiny")
    # Two of eight: the word that only dev has is not looked up.
    assert run("words").endswith("; 10 words; tiny covers 25.0% of them")
    ids, vectors = load_vectors(folder / "data" / "tokenized" / "words" / "words")
    assert ids.tolist() == [4, 8]
    assert vectors.tolist() == [[1, 2], [3, 4]]


def test_an_empty_vocabulary_leaves_nothing(prepare: MakeProject, run: Run) -> None:
    folder = prepare()
    set_params(folder, inputs={"words": WORDS | {"words": {**WORDS["words"], "min_count": 99}}})
    with pytest.raises(FinesentError, match="the vocabulary is empty"):
        run("words")
    assert not Path("data/tokenized").exists()
