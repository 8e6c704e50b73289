"""What the tokenize stage reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from finesent.params.reading import PARAMS, block_of
from finesent.validation import Block, parse, unknown_name
from finesent.yaml_files import read_yaml


class Words(Block):
    """The vocabulary of a word-level input, which tokenize builds on the training rows alone.

    Attributes:
        max_size: entries at most, the two of padding and unknown words included; the most frequent stay.
        min_count: a word that occurs less often is unknown.
        lowercase: whether words that differ in case alone are one word.
    """

    max_size: Annotated[int, Field(ge=3)]
    min_count: Annotated[int, Field(ge=1)]
    lowercase: bool


class Input(Block):
    """One way of showing a text to the encoder.

    Attributes:
        template: what the tokenizer sees; ``{text}`` stands for the text, once.
        max_length: tokens, special ones included; longer inputs lose the end of the text.
        words: set, the tokens are words of a vocabulary of the study's own, for a recurrent encoder;
            null, they are those of the backbone's tokenizer.
    """

    template: str
    max_length: Annotated[int, Field(ge=8, le=8192)]
    words: Words | None = None

    @field_validator("template")
    @classmethod
    def _holds_text_once(cls, template: str) -> str:
        if template.count("{text}") != 1:
            raise ValueError("must hold {text} exactly once")
        return template

    @model_validator(mode="after")
    def _words_stand_alone(self) -> Input:
        if self.words is not None and self.template != "{text}":
            raise ValueError("an input with words takes the bare text: set template to '{text}'")
        return self


class TokenizeParams(Block):
    """What the stage reads besides its input: which word vectors to look words up in."""

    embeddings: str | None = None


def read_input(name: str, path: Path = PARAMS) -> Input:
    """Return the input ``name`` of params.yaml.

    Raises:
        FinesentError: there is none of that name, or it is malformed.
    """
    inputs = block_of(read_yaml(path), "inputs", path)
    if name not in inputs:
        raise unknown_name(f"{path}: inputs", "input", name, list(inputs))
    return parse(Input, inputs[name], f"{path}: inputs.{name}")
