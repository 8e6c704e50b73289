"""compare: all ablations side by side, with verdicts on what was claimed, beside what was published.

``python -m stages.compare`` writes report/ and metrics/comparison.json. With ``--against REV [REV ...]`` it
writes nothing and prints how every metric changed since a commit, branch, tag or DVC experiment.
"""

from __future__ import annotations

import argparse

import pyarrow as pa

from finesent.catalog.entries import dataset
from finesent.catalog.published import read_published
from finesent.data.tables import write_arrow
from finesent.evaluation.against import FORMATS, changes_since
from finesent.evaluation.cached_predictions import predictions_at
from finesent.evaluation.comparison import compare, left_over, read_ablations
from finesent.evaluation.comparison_files import METRICS_FILE, REPORT, metrics_of, read_report
from finesent.evaluation.inputs import read_data_report, read_duplicates, read_inputs, read_texts
from finesent.evaluation.mistakes import changes_table, items_table
from finesent.evaluation.revisions import read_revision
from finesent.evaluation.table import render
from finesent.files import replacing, write_json, write_text
from finesent.params.reading import PARAMS
from finesent.params.study import Study, read_study
from finesent.report.building import build_content
from finesent.report.page import render_page
from finesent.stage import run_stage


def main() -> str:
    """Compare the ablations of params.yaml, or the last comparison with revisions.

    Raises:
        FinesentError: params.yaml is unsound, an ablation's files are missing or do not belong together,
            or a revision cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m stages.compare", description=__doc__)
    parser.add_argument(
        "--against", metavar="REV", nargs="+", help="commits, branches, tags or DVC experiments"
    )
    parser.add_argument("--format", choices=list(FORMATS), default="markdown", help="of --against")
    options = parser.parse_args()
    study = read_study()
    if options.against:
        return _against(study, options.against, options.format)
    return _compare(study)


def _compare(study: Study) -> str:
    inputs = read_inputs(study)
    comparison = compare(study, inputs, dataset(study.dataset), read_published())
    text = render(comparison)
    items = items_table(inputs.predictions, read_texts())
    pairs = [(pair.better, pair.than) for pair in comparison.pairs]
    claimed = [(claim.better, claim.than) for claim in comparison.claims]
    changes = changes_table(inputs.predictions, read_texts(), list(dict.fromkeys(pairs + claimed)))
    page = render_page(
        build_content(comparison, inputs, items, read_duplicates(), read_data_report(), PARAMS)
    )
    # All files of the report go into place together, so that a reader never sees one without the others.
    with replacing(REPORT.parent) as folder:
        folder.mkdir()
        write_text(folder / "comparison.md", text)
        write_json(folder / REPORT.name, comparison.model_dump(mode="json"))
        write_text(folder / "index.html", page)
        write_arrow(folder / "items.parquet", pa.Table.from_pandas(items, preserve_index=False))
        write_arrow(folder / "changes.parquet", pa.Table.from_pandas(changes, preserve_index=False))
    write_json(METRICS_FILE, metrics_of(comparison))
    ignored = left_over(study)
    note = f"; ignored what is left of {', '.join(ignored)}" if ignored else ""
    size = f"{len(comparison.ablations)} ablations × {len(comparison.seeds)} seeds"
    return f"{text}\ncompare: {size}, see {REPORT.parent}/index.html{note}"


def _against(study: Study, names: list[str], form: str) -> str:
    revisions = [read_revision(name) for name in names]
    comparison = read_report()
    now, _ = read_ablations(study)
    changes = changes_since(comparison, now, revisions, study.compare, predictions_at)
    return FORMATS[form](changes)


if __name__ == "__main__":
    run_stage(main)
