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
        FinesentError: the file is missing, is not UTF-8, is not YAML, or holds no mapping.
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
    except YAMLError as error:
        raise FinesentError(str(path), f"not valid YAML: {error}", "mend the line it names") from error
    if not isinstance(content, dict):
        raise FinesentError(str(path), "holds no mapping of keys to values", "compare it with the one in git")
    return content
