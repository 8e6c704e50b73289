"""compare: all ablations side by side, with intervals, beside what was published.

``python -m stages.compare`` writes report/ and metrics/comparison.json. With ``--against REV`` it writes
nothing and prints the same table with the change of every metric since a commit, branch, tag or DVC
experiment.
"""

from __future__ import annotations

import argparse

from finesent.catalog.published import read_published
from finesent.evaluation.comparison import compare, left_over
from finesent.evaluation.report import METRICS, REPORT, Comparison, metrics_of, read_report
from finesent.evaluation.revisions import read_revision
from finesent.evaluation.table import render
from finesent.files import replacing, write_json, write_text
from finesent.params.study import read_study
from finesent.stage import run_stage


def main() -> str:
    """Compare the ablations of params.yaml, or the last comparison with a revision.

    Raises:
        FinesentError: params.yaml is unsound, an ablation's files are missing or do not belong together,
            or the revision cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m stages.compare", description=__doc__)
    parser.add_argument("--against", metavar="REV", help="a commit, branch, tag or DVC experiment")
    revision = parser.parse_args().against
    if revision is not None:
        return render(read_report(), read_revision(revision))
    study = read_study()
    comparison = compare(study, read_published())
    table = render(comparison)
    _write(comparison, table)
    ignored = left_over(study)
    note = f"; ignored what is left of {', '.join(ignored)}" if ignored else ""
    size = f"{len(comparison.ablations)} ablations × {len(comparison.seeds)} seeds"
    return f"{table}\ncompare: {size}, see {REPORT.parent}/{note}"


def _write(comparison: Comparison, table: str) -> None:
    # Both files of the report go into place together, so that a reader never sees one without the other.
    with replacing(REPORT.parent) as folder:
        folder.mkdir()
        write_text(folder / "comparison.md", table)
        write_json(folder / REPORT.name, comparison.model_dump(mode="json"))
    write_json(METRICS, metrics_of(comparison))


if __name__ == "__main__":
    run_stage(main)
