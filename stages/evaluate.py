"""evaluate: score one ablation's frozen models on test and on the further test sets.

No other stage that runs a model sees them. Writes the logits of every seed and item, all metrics, what
`dvc plots` draws, and the six headline numbers that `dvc metrics diff` compares between commits.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finesent.catalog.entries import dataset
from finesent.errors import FinesentError
from finesent.files import write_json
from finesent.params.ablation import read_ablation
from finesent.params.evaluate import EvaluateParams
from finesent.params.reading import read_params
from finesent.stage import run_stage


def main() -> str:
    """Evaluate the ablation named on the command line."""
    if len(sys.argv) != 2:
        raise FinesentError(
            "stages.evaluate", "needs the name of one ablation", "python -m stages.evaluate baseline"
        )
    name = sys.argv[1]
    source, params = read_ablation(name).input, read_params(EvaluateParams)
    labels = dataset(params.dataset).labels
    from finesent.evaluation.curves import write_plots
    from finesent.evaluation.predictions import write_predictions
    from finesent.evaluation.scoring import score_models
    from finesent.evaluation.summary import headline, summarise
    from finesent.memory import keep_freed_memory
    from finesent.models.device import choose_device, choose_precision
    from finesent.models.engine import Engine

    keep_freed_memory()
    rules = params.evaluate
    device = choose_device(rules.device)
    engine = Engine(device, choose_precision(rules.precision, device))
    predictions = score_models(
        name,
        params.dataset,
        labels,
        params.seeds,
        Path("models") / name,
        Path("data/tokenized") / source,
        engine,
        rules.batch_tokens,
    )
    summary = summarise(predictions)
    write_predictions(Path("predictions") / f"{name}.parquet", predictions)
    write_json(Path("predictions") / f"{name}.json", summary)
    write_plots(Path("plots") / name, predictions)
    write_json(Path("metrics") / f"{name}.json", headline(summary))
    scores = headline(summary)[name]
    test = f"test accuracy {scores['test_accuracy']:.4f}, macro-F1 {scores['test_macro_f1']:.4f}"
    return f"evaluate {name}: {test} over {len(params.seeds)} seeds"


if __name__ == "__main__":
    run_stage(main)
