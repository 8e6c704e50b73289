"""What the page shows of one ablation, from its predictions and its training history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from finesent.evaluation.curves import Points, calibration, precision_recall, roc
from finesent.evaluation.predictions import Predictions
from finesent.evaluation.summary import summarise
from finesent.report.content import AblationDetails, Curve

# A tenth of a pixel: the page holds thousands of points.
_DECIMALS = 4


def details_of(predictions: Predictions, history_rows: list[dict[Any, Any]]) -> AblationDetails:
    """Return the details of one ablation on test.

    Args:
        predictions: of all its seeds.
        history_rows: rows of plots/<ablation>/history.csv; what is no number in them is left out.
    """
    split, names = predictions.splits["test"], predictions.labels
    summary = summarise(predictions)["splits"]["test"]
    return AblationDetails(
        confusion=summary["confusion"],
        per_class=summary["per_class"],
        per_length_bin=summary["per_length_bin"],
        distances=summary["distances"],
        calibration=[asdict(entry) for entry in calibration(split)],
        roc={name: _curve(points) for name, points in roc(split, names).items()},
        precision_recall={name: _curve(points) for name, points in precision_recall(split, names).items()},
        history=[
            {str(key): value for key, value in row.items() if isinstance(value, (int, float))}
            for row in history_rows
        ],
    )


def _curve(points: Points) -> Curve:
    return Curve(x=points.x.round(_DECIMALS).tolist(), y=points.y.round(_DECIMALS).tolist())
