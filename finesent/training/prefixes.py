"""What of a partly frozen encoder is computed once: for which epochs, and as long as memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finesent.data.batches import length_ordered
from finesent.data.tokens import TokenizedSplit
from finesent.models.classifier import Classifier
from finesent.models.encoder import hidden_size, layers_of
from finesent.models.engine import Engine, scoring_passes
from finesent.models.prefix import PrefixStates, Recorder
from finesent.models.recurrent import RecurrentNetwork
from finesent.params.ablation import Ablation
from finesent.training.losses import Loss
from finesent.training.losses.base import Need
from finesent.training.unfreezing import depths_of

# Bytes of states that are kept at most: five layers of minilm-l6 for all of SST-5 take 0.9 GiB.
LIMIT = 1 << 30


@dataclass(frozen=True)
class Prefix:
    """States above the same frozen layers."""

    train: PrefixStates
    dev: PrefixStates


class Prefixes:
    """The states that epochs of a partly frozen encoder begin with, kept for all seeds.

    Every seed finds the same states, as long as no layer is frozen that another seed has other weights in.
    """

    def __init__(
        self,
        engine: Engine,
        classifier: Classifier,
        train: TokenizedSplit,
        dev: TokenizedSplit,
        depths: Sequence[int],
    ) -> None:
        """Compute nothing yet.

        Args:
            engine: device and precision.
            classifier: with a pretrained encoder.
            train: every row that any epoch uses.
            dev: split.
            depths: how many of the encoder's parts learn, of all epochs.
        """
        self._engine, self._classifier = engine, classifier
        self._splits = (train, dev)
        self._layers = layers_of(classifier.encoder)
        tokens = int(train.lengths.sum() + dev.lengths.sum())
        size = tokens * hidden_size(classifier.encoder) * (2 if engine.precision == "bf16" else 4)
        counts = sorted({len(self._layers) - depth for depth in depths}, reverse=True)
        # The more layers are frozen, the more is saved.
        self._counts = [count for count in counts if count > 0][: LIMIT // max(1, size)]
        self._kept: dict[int, Prefix] = {}

    def at(self, depth: int) -> Prefix | None:
        """Return the states below the ``depth`` uppermost layers, which must be as training found them.

        None where nothing lies below, or where there is no room for them.
        """
        count = len(self._layers) - depth
        if count not in self._counts:
            return None
        if count not in self._kept:
            # What lies higher may have learned by now: a run goes on in the midst of it.
            self._compute([lower for lower in self._counts if lower <= count])
        return self._kept[count]

    def _compute(self, counts: list[int]) -> None:
        train, dev = (self._states(split, counts) for split in self._splits)
        self._kept |= {count: Prefix(train[count], dev[count]) for count in counts}

    def _states(self, split: TokenizedSplit, counts: list[int]) -> dict[int, PrefixStates]:
        recorder = Recorder(self._layers, counts, split.lengths)
        with scoring_passes(self._engine, self._classifier) as weights:
            for rows in length_ordered(split.lengths, self._engine.scoring_tokens):
                with recorder.over(rows):
                    self._engine.encode(self._classifier, split, rows, weights)
        return recorder.result()


def shared_prefixes(
    ablation: Ablation,
    losses: dict[str, Loss],
    engine: Engine,
    classifier: Classifier,
    train: TokenizedSplit,
    dev: TokenizedSplit,
) -> Prefixes | None:
    """Return what keeps states of layers frozen below others, or None where they cannot stand in for them.

    Seeds share them: so neither the encoder nor any layer of it may begin as the seed says. A mix of layers
    reads lower ones too, and a perturbed pass is to reach the embeddings.
    """
    perturbed = any(Need.PERTURBED in loss.needs for loss in losses.values())
    own = isinstance(classifier.encoder, RecurrentNetwork) or ablation.reinitialise
    if own or perturbed or classifier.mix_layers > 1:
        return None
    depths = set(depths_of(ablation, len(classifier.parts())))
    # The features of a frozen encoder are kept themselves, unless what reads its states learns.
    read = depths if classifier.reader.learns else depths - {0}
    return Prefixes(engine, classifier, train, dev, sorted(read))
