"""What the page says of the run's origin."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from finesent.errors import FinesentError
from finesent.report.provenance import provenance


def test_every_file_is_named_with_its_entry_and_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("dataset: reviews\n")
    fetched = (
        ("raw", "reviews", "sample"),
        ("others/tweets", "tweets", "default"),
        ("others/news", "news", "part"),
        ("backbone", "tiny", "default"),
    )
    for folder, name, layout in fetched:
        source = tmp_path / "data" / folder / "source.json"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps({"name": name, "layout": layout, "files": {"a.txt": "0" * 64}}))
    history = pd.DataFrame({"device": ["cpu", "cpu"], "precision": ["bf16", "bf16"]})
    found = provenance(Path("params.yaml"), {"baseline": history, "old": pd.DataFrame()})
    assert list(found.files) == [
        "reviews (layout sample): a.txt",
        "news (layout part): a.txt",
        "tweets (layout default): a.txt",
        "tiny (layout default): a.txt",
    ]
    assert set(found.files.values()) == {"0" * 64}
    assert found.devices == {"baseline": "cpu, bf16", "old": "not recorded"}
    assert found.commit is None
    (tmp_path / "data" / "raw" / "source.json").unlink()
    with pytest.raises(FinesentError, match=r"data/raw/source\.json: the file is missing"):
        provenance(Path("params.yaml"), {})
