"""How all ablations do on the further test sets."""

from __future__ import annotations

from finesent.evaluation.metrics import majority_share
from finesent.evaluation.predictions import Predictions, TransferScored
from finesent.evaluation.results import TransferSet
from finesent.evaluation.spreads import rounded, spreads
from finesent.evaluation.transfer import as_classes, transfer_scores


def transfer_sets(predictions: dict[str, Predictions]) -> dict[str, TransferSet]:
    """Return every further test set with the scores of all ablations, which scored the same sets.

    Args:
        predictions: by ablation; :func:`~finesent.evaluation.predictions.check_paired` holds for them.
    """
    first = next(iter(predictions.values()))
    return {
        name: _transfer_set(scored, {ablation: ours.transfer[name] for ablation, ours in predictions.items()})
        for name, scored in first.transfer.items()
    }


def _transfer_set(scored: TransferScored, by_ablation: dict[str, TransferScored]) -> TransferSet:
    labels = {classes: as_classes(scored, classes)[0] for classes in scored.classes}
    return TransferSet(
        dataset=scored.dataset,
        title=scored.title,
        shared_with_train=scored.shared_with_train,
        n={classes: len(kept) for classes, kept in labels.items()},
        majority={classes: rounded(majority_share(kept)) for classes, kept in labels.items()},
        scores={
            ablation: {classes: spreads(transfer_scores(ours, classes)) for classes in ours.classes}
            for ablation, ours in by_ablation.items()
        },
    )
