"""What the tokenize stage reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from finesent.params.reading import PARAMS, block_of
from finesent.validation import Block, parse, unknown_name
from finesent.yaml_files import read_yaml


class Input(Block):
    """One way of showing a text to the encoder.

    Attributes:
        template: what the tokenizer sees; ``{text}`` stands for the text, once.
        max_length: tokens, special ones included; longer inputs lose the end of the text.
    """

    template: str
    max_length: Annotated[int, Field(ge=8, le=8192)]

    @field_validator("template")
    @classmethod
    def _holds_text_once(cls, template: str) -> str:
        if template.count("{text}") != 1:
            raise ValueError("must hold {text} exactly once")
        return template


def read_input(name: str, path: Path = PARAMS) -> Input:
    """Return the input ``name`` of params.yaml.

    Raises:
        FinesentError: there is none of that name, or it is malformed.
    """
    inputs = block_of(read_yaml(path), "inputs", path)
    if name not in inputs:
        raise unknown_name(f"{path}: inputs", "input", name, list(inputs))
    return parse(Input, inputs[name], f"{path}: inputs.{name}")
