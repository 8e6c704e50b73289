"""What the page says of the run's origin."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from finesent.report.provenance import provenance


def test_every_file_is_named_with_its_entry_and_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("dataset: reviews\n")
    for folder, name, layout in (("raw", "reviews", "sample"), ("backbone", "tiny", "default")):
        source = tmp_path / "data" / folder / "source.json"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps({"name": name, "layout": layout, "files": {"a.txt": "0" * 64}}))
    history = pd.DataFrame({"device": ["cpu", "cpu"], "precision": ["bf16", "bf16"]})
    found = provenance(Path("params.yaml"), {"baseline": history, "old": pd.DataFrame()})
    assert found.files == dict.fromkeys(
        ["reviews (layout sample): a.txt", "tiny (layout default): a.txt"], "0" * 64
    )
    assert found.devices == {"baseline": "cpu, bf16", "old": "not recorded"}
    assert found.commit is None
