"""The tokenize stage: three splits as token ids, with the encoding inside the files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from finesent.data.tables import write_rows
from finesent.data.tokenization import load_tokenizer
from finesent.data.tokens import read_tokens
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
    assert set(before) == {f"plain/{split}.parquet" for split in TEXTS}
    assert set(after) == set(before) | {f"prompt/{split}.parquet" for split in TEXTS}
    assert {name: after[name] for name in before} == before


def test_running_twice_and_elsewhere_gives_the_same_bytes(
    prepare: MakeProject, run: Run, files_under: FilesUnder
) -> None:
    runs = []
    for name in ("one", "one", "the other"):
        folder = Path.cwd() if Path.cwd().name == name else prepare(name)
        run("prompt")
        runs.append(files_under(folder / "data" / "tokenized"))
    assert len(runs[0]) == 3
    assert runs[0] == runs[1] == runs[2]


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
