"""Where the numbers come from, and how to get them again."""

from __future__ import annotations

from dataclasses import dataclass

from finesent.report.content import Content
from finesent.report.tables import Column, Table, table


@dataclass(frozen=True)
class ProvenanceView:
    """Commit, parameters and tables of what was used; None where nothing was recorded."""

    commit: str | None
    params: str
    files: Table | None
    versions: Table | None
    devices: Table | None


def view(content: Content) -> ProvenanceView:
    """Lay out the provenance."""
    found = content.provenance
    return ProvenanceView(
        commit=found.commit,
        params=found.params,
        files=_names("Files as fetched", "file", "sha256", found.files),
        versions=_names("Versions", "library", "version", found.versions),
        devices=_names("Devices of training", "ablation", "device and precision", found.devices),
    )


def _names(caption: str, key: str, value: str, entries: dict[str, str]) -> Table | None:
    columns = [Column(key, words=True), Column(value, words=True)]
    return table(caption, columns, entries.items()) if entries else None
