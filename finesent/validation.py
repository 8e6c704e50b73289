"""From plain data to typed, frozen models, and from pydantic's errors to one readable message."""

from __future__ import annotations

import difflib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from finesent.errors import FinesentError

ModelT = TypeVar("ModelT", bound=BaseModel)


class Block(BaseModel):
    """Base of all that is read from params.yaml or the catalog: no unknown key, no conversion, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def parse(model: type[ModelT], content: Any, place: str) -> ModelT:
    """Validate ``content`` as ``model``.

    The check goes through JSON, where a list may become a tuple and a string a choice, while ``"3"``
    still is no number.

    Args:
        model: the class to build.
        content: plain data (dict, list, str, int, float, bool, None).
        place: the file it came from, with the key if it is a part of one.

    Raises:
        FinesentError: with the path of every offending key, what was found and what is allowed.
    """
    try:
        return model.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        lines = [_explain(detail, content) for detail in error.errors(include_url=False)]
        raise FinesentError(place, "; ".join(lines), "correct the keys named here") from error


def unknown_name(place: str, kind: str, name: str, known: list[str]) -> FinesentError:
    """An error for a name that is in no list, with the nearest known names."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return FinesentError(
        place, f"unknown {kind} {name!r}{hint}", f"choose one of: {', '.join(sorted(known))}"
    )


def _explain(detail: ErrorDetails, content: Any) -> str:
    key = _key_path(detail["loc"], content) or "(whole)"
    if not detail["loc"] and detail["type"] == "value_error":
        # A rule between blocks names the keys itself; the whole file is nothing to print.
        return detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if detail["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {detail['msg'].removeprefix('Value error, ')}, found {_short(detail['input'])}"


def _key_path(loc: tuple[int | str, ...], content: Any) -> str:
    """Join the keys of the file, without the names of union members that pydantic puts between them."""
    keys = []
    for part in loc[:-1]:
        try:
            content = content[part]
        except (KeyError, TypeError):
            continue
        keys.append(part)
    last = loc[-1:]
    # A single value may stand for a list of one, and then the file has no list in which to count.
    if last and isinstance(last[0], int) and not isinstance(content, list):
        last = ()
    return ".".join(str(part) for part in (*keys, *last))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
