"""Reading YAML the way DVC reads it: YAML 1.2, so that ``1e-5`` is a number and ``no`` is a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from finesent.errors import FinesentError


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        FinesentError: the file is missing, is not UTF-8, is not YAML, holds no mapping, or has a key that is
            no text.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FinesentError(
            str(path),
            "the file is missing",
            "run from the folder that holds dvc.yaml, or restore it with git",
        ) from error
    except UnicodeDecodeError as error:
        raise FinesentError(str(path), f"not UTF-8 (byte {error.start})", "save the file as UTF-8") from error
    # A date that no calendar has is a ValueError.
    except (YAMLError, ValueError) as error:
        raise FinesentError(str(path), f"not valid YAML: {error}", "mend the line it names") from error
    if not isinstance(content, dict):
        raise FinesentError(str(path), "holds no mapping of keys to values", "compare it with the one in git")
    _refuse_other_keys(content, path)
    return content


def _refuse_other_keys(content: Any, path: Path) -> None:
    """Refuse keys that YAML reads as numbers or dates: on the command line their names are text."""
    if isinstance(content, dict):
        for key in content:
            if not isinstance(key, str):
                raise FinesentError(str(path), f"the key {key} is no text", "write it in quotes")
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            _refuse_other_keys(value, path)
