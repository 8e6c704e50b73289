"""Texts become unpadded token ids inside their template, the same from any folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from finesent.data.encoding import Encoding
from finesent.data.tables import read_arrow, write_arrow
from finesent.data.tokenization import encoding_of, load_tokenizer, tokenize
from finesent.errors import FinesentError
from finesent.params.tokenize import Input

WriteTokenizer = Callable[..., Path]

PLAIN = Input(template="{text}", max_length=64)
PROMPT = Input(template="Review: {text}\n\nRating:", max_length=12)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder: Path) -> PreTrainedTokenizerFast:
    return load_tokenizer(tokenizer_folder)


def frame(*texts: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"train-{n}" for n in range(len(texts))],
            "text": pd.Series(texts, dtype="str"),
            "label": pd.Series([n % 2 for n in range(len(texts))], dtype="int64"),
        }
    )


def pieces(ids: list[int], tokenizer: PreTrainedTokenizerFast) -> list[str]:
    return [str(piece) for piece in tokenizer.convert_ids_to_tokens(ids)]


def tokens_of(text: str, rules: Input, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    table, _ = tokenize(frame(text), rules, tokenizer)
    return pieces(table["input_ids"].to_pylist()[0], tokenizer)


def test_special_tokens_stand_around_and_nothing_is_padded(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = tokenize(frame("The film was good", "bad", ""), PLAIN, tokenizer)
    rows = [pieces(ids, tokenizer) for ids in table["input_ids"].to_pylist()]
    assert rows == [
        ["[CLS]", "the", "film", "was", "good", "[SEP]"],
        ["[CLS]", "bad", "[SEP]"],
        ["[CLS]", "[SEP]"],
    ]
    assert cut == 0


def test_truncation_and_padding_of_the_file_have_no_say(tokenizer: PreTrainedTokenizerFast) -> None:
    """The file asks for 6 tokens at most and 40 at least."""
    table, cut = tokenize(frame("good " * 20, "good"), PLAIN, tokenizer)
    assert [len(ids) for ids in table["input_ids"].to_pylist()] == [22, 3]
    assert cut == 0


def test_template_stands_around_the_text(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokens_of("good film", PROMPT, tokenizer) == (
        ["[CLS]", "review", ":", "good", "film", "rating", ":", "[SEP]"]
    )


def test_long_text_loses_its_end_and_the_template_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = tokenize(frame("the film was good " * 9, "bad", "film " * 6), PROMPT, tokenizer)
    rows = [pieces(ids, tokenizer) for ids in table["input_ids"].to_pylist()]
    head, tail = ["[CLS]", "review", ":"], ["rating", ":", "[SEP]"]
    assert rows[0] == [*head, "the", "film", "was", "good", "the", "film", *tail]
    assert rows[1] == [*head, "bad", *tail]
    assert rows[2] == [*head, *["film"] * 6, *tail], "exactly max_length is not too long"
    assert cut == 1


@given(
    words=st.lists(st.sampled_from(["good", "bad", "xyz", "a.b", "!?", "Film"]), max_size=30),
    length=st.integers(8, 30),
)
def test_any_row_fits_and_keeps_its_template(
    tokenizer: PreTrainedTokenizerFast, words: list[str], length: int
) -> None:
    rules = Input(template=PROMPT.template, max_length=length)
    text = " ".join(words)
    row = tokens_of(text, rules, tokenizer)
    whole = tokens_of(text, Input(template=PROMPT.template, max_length=8192), tokenizer)
    assert len(row) <= length
    assert row[:3] == ["[CLS]", "review", ":"]
    assert row[-3:] == ["rating", ":", "[SEP]"]
    assert "[PAD]" not in row
    if len(whole) <= length:
        assert row == whole
    else:
        # What is kept of the text is a beginning of it, and as long as fits.
        assert whole[: len(row) - 3] == row[:-3]
        assert len(row) == length


@given(words=st.lists(st.sampled_from(["good", "xyz", "a.b", "!?"]), max_size=30), length=st.integers(8, 30))
def test_without_a_template_the_cut_is_the_librarys_own(
    tokenizer: PreTrainedTokenizerFast, words: list[str], length: int
) -> None:
    text = " ".join(words)
    table, _ = tokenize(frame(text), Input(template="{text}", max_length=length), tokenizer)
    library = tokenizer(text, truncation=True, max_length=length)["input_ids"]
    assert table["input_ids"].to_pylist() == [library]


@pytest.mark.parametrize("length", [12, 14, 20])
def test_byte_level_tokens_are_cut_from_the_text_alone(byte_level_folder: Path, length: int) -> None:
    tokenizer = load_tokenizer(byte_level_folder)
    text = "the film was good \U0001f600 " * 10
    whole, kept = (
        tokenize(frame(text), Input(template=PROMPT.template, max_length=size), tokenizer)[0]["input_ids"]
        for size in (8192, length)
    )
    long, short = whole.to_pylist()[0], kept.to_pylist()[0]
    assert len(short) == length < len(long)
    front = next(n for n in range(length) if long[n] != short[n])
    assert long[:front] + long[len(long) - (length - front) :] == short, "a block in the middle is gone"
    assert tokenizer.decode(short).startswith("<s>Review: the")
    assert tokenizer.decode(short).endswith("\n\nRating:</s>")


def test_words_are_those_of_the_whole_text_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["good film", "", "the film was  good " * 9, "xyz"]
    table, _ = tokenize(frame(*texts), PROMPT, tokenizer)
    assert table["words"].to_pylist() == [2, 0, 36, 1]


@pytest.mark.parametrize("text", ["", "good", "good " * 50])
def test_template_that_is_too_long_alone_is_refused(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    rules = Input(template="the film was good the film {text} was bad", max_length=8)
    with pytest.raises(FinesentError, match="the template alone has 10 tokens, more than max_length=8"):
        tokenize(frame(text), rules, tokenizer)


def test_template_that_just_fits_leaves_no_text(tokenizer: PreTrainedTokenizerFast) -> None:
    rules = Input(template="the film was {text} was bad", max_length=8)
    assert tokens_of("good " * 50, rules, tokenizer).count("good") == 1
    rules = Input(template="the film was {text} was bad film", max_length=8)
    assert "good" not in tokens_of("good " * 50, rules, tokenizer)


def test_columns_and_types(tokenizer: PreTrainedTokenizerFast) -> None:
    shares = [[0.25, 0.75], [1.0, 0.0]]
    rows = frame("good", "bad").assign(soft_label=[np.array(share) for share in shares], extra=1)
    table, _ = tokenize(rows, PLAIN, tokenizer)
    assert {field.name: field.type for field in table.schema} == {
        "id": pa.string(),
        "label": pa.int64(),
        "words": pa.int64(),
        "input_ids": pa.list_(pa.int32()),
        "soft_label": pa.list_(pa.float64()),
    }
    assert table["id"].to_pylist() == ["train-0", "train-1"]
    assert table["label"].to_pylist() == [0, 1]
    assert table["soft_label"].to_pylist() == shares


def test_no_row_gives_an_empty_table_of_the_same_types(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = tokenize(frame(), PLAIN, tokenizer)
    assert (len(table), cut) == (0, 0)
    assert table.schema == tokenize(frame("good"), PLAIN, tokenizer)[0].schema


def test_equal_rows_give_equal_bytes_from_any_folder(tmp_path: Path, tokenizer_folder: Path) -> None:
    contents = []
    for name in ("one", "the other"):
        folder = tmp_path / name
        shutil.copytree(tokenizer_folder, folder / "backbone")
        tokenizer = load_tokenizer(folder / "backbone")
        table, _ = tokenize(frame("good film", "bad " * 20), PROMPT, tokenizer)
        path = folder / "train.parquet"
        write_arrow(path, encoding_of("prompt", PROMPT, tokenizer).attach(table))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert read_arrow(path)["input_ids"].to_pylist() == table["input_ids"].to_pylist()


def test_encoding_says_how_the_tokens_came_about(tokenizer_folder: Path) -> None:
    tokenizer = load_tokenizer(tokenizer_folder)
    encoding = encoding_of("prompt", PROMPT, tokenizer)
    assert encoding == Encoding(
        input="prompt",
        template=PROMPT.template,
        max_length=12,
        tokenizer=encoding.tokenizer,
        pad_id=0,
        vocabulary_size=len(json.loads((tokenizer_folder / "tokenizer.json").read_text())["model"]["vocab"]),
    )
    assert len(encoding.tokenizer) == 64


def test_encoding_depends_on_the_vocabulary_and_not_on_what_tokenize_ignores(
    tmp_path: Path, write_tokenizer: WriteTokenizer
) -> None:
    tokenizer = load_tokenizer(write_tokenizer(tmp_path / "bounded"))
    before = encoding_of("plain", PLAIN, tokenizer)
    tokenize(frame("good " * 100), PLAIN, tokenizer)
    assert encoding_of("plain", PLAIN, tokenizer) == before
    unbounded = load_tokenizer(write_tokenizer(tmp_path / "unbounded", bounded=False))
    assert encoding_of("plain", PLAIN, unbounded) == before
    swapped = load_tokenizer(write_tokenizer(tmp_path / "swapped", words=["film", "the", "was"]))
    assert encoding_of("plain", PLAIN, swapped).tokenizer != before.tokenizer


def test_the_tokenizer_saved_beside_a_model_is_the_same(tmp_path: Path, tokenizer_folder: Path) -> None:
    tokenizer = load_tokenizer(tokenizer_folder)
    tokenizer.save_pretrained(tmp_path / "model")
    again = load_tokenizer(tmp_path / "model")
    rows = frame("The film was good!", "xyz " * 30)
    assert tokenize(rows, PROMPT, again)[0].equals(tokenize(rows, PROMPT, tokenizer)[0])


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "no tokenizer could be loaded"),
        ({"config.json": '{"model_type": "bert"}'}, "its tokenizer has no vocabulary"),
        ({"config.json": '{"model_type": "bert"}', "tokenizer.json": "{"}, "no tokenizer could be loaded"),
        ({"config.json": '{"model_type": "bert"}', "tokenizer.json": "{}"}, "no tokenizer could be loaded"),
        (
            {
                "config.json": '{"model_type": "bert"}',
                "tokenizer.json": '{"version": "1.0", "added_tokens": []}',
            },
            "no tokenizer could be loaded",
        ),
        ({"config.json": '{"model_type": "canine"}'}, "has no fast tokenizer"),
    ],
    ids=["nothing", "config alone", "truncated", "empty", "without model", "slow"],
)
def test_folder_without_a_usable_tokenizer_is_named(
    tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(FinesentError, match=problem) as caught:
        load_tokenizer(tmp_path)
    assert caught.value.place == str(tmp_path)


def test_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FinesentError, match="data/backbone: no tokenizer could be loaded"):
        load_tokenizer(Path("data/backbone"))
