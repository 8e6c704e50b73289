"""The predictions of another revision, as far as DVC still holds them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from finesent.errors import FinesentError
from finesent.evaluation.predictions import Predictions, read_predictions
from finesent.files import replacing


def predictions_at(commit: str, ablation: str) -> Predictions | str:
    """Return an ablation's predictions at a commit, or in words why there are none.

    They come from DVC's cache, or from its remote where one is configured; the work tree is not touched.
    """
    path = Path("predictions") / f"{ablation}.parquet"
    content = _content(commit, path)
    if isinstance(content, str):
        return content
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with replacing(copy) as temporary:
            temporary.write_bytes(content)
        try:
            return read_predictions(copy)
        except FinesentError as error:
            return f"its predictions cannot be read: {error.problem}"


def _content(commit: str, path: Path) -> bytes | str:
    # Imported here: it takes seconds, and no other way of comparing needs it.
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        inside = os.path.relpath(path, Repo.find_root())
        with dvc.api.open(inside, rev=commit, mode="rb") as file:
            content: bytes = file.read()
            return content
    except (DvcException, OSError):
        return "its predictions are not in DVC's cache"
