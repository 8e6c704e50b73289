"""The training loop of one seed: epochs of steps, a dev score after each, the best epoch kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from finesent.data.batches import epoch_batches
from finesent.data.tokens import TokenizedSplit
from finesent.errors import FinesentError
from finesent.kernels.library import Kernels
from finesent.models.classifier import Classifier
from finesent.models.encoder import hidden_size
from finesent.models.engine import Engine, all_features, all_logits
from finesent.models.heads import initialise
from finesent.models.lookup import WordEmbeddings
from finesent.params.ablation import Ablation
from finesent.training.averaging import WeightAverage
from finesent.training.checkpoint import Checkpoints, RunState
from finesent.training.footprint import count_parameters, device_name, peak_memory
from finesent.training.history import EpochRecord
from finesent.training.losses import Loss
from finesent.training.objective import Objective
from finesent.training.optimizer import Optimizer
from finesent.training.phases import Phases
from finesent.training.prefixes import Prefix, Prefixes
from finesent.training.processes import Processes
from finesent.training.progress import Progress
from finesent.training.selection import DevScores, dev_scores
from finesent.training.steps import MicroBatches
from finesent.training.streams import numpy_stream, seed_dropout, torch_stream
from finesent.training.unfreezing import depths_of, levels_of


@dataclass(frozen=True)
class FrozenFeatures:
    """Features of a frozen encoder, which all its epochs share.

    Those of the encoder before it learns are shared by all seeds too, unless layers of it begin anew.

    Attributes:
        train: (N, H) float32.
        dev: (M, H) float32.
    """

    train: torch.Tensor
    dev: torch.Tensor

    @classmethod
    def of(
        cls, engine: Engine, classifier: Classifier, train: TokenizedSplit, dev: TokenizedSplit
    ) -> FrozenFeatures:
        """Compute them with the encoder as it is now."""
        return cls(all_features(engine, classifier, train), all_features(engine, classifier, dev))


@dataclass(frozen=True)
class Study:
    """What all seeds of an ablation share.

    Attributes:
        name: of the ablation.
        ablation: its parameters.
        losses: by name.
        phases: the tokenized training split, and which of its rows each epoch uses.
        dev: tokenized dev split.
        engine: device and precision.
        frozen: gives the features of the encoder before it learns, computed when first asked for.
        prefixes: the states above layers that are frozen while others learn; None where nothing is kept.
        pretrained: the encoder's parameters as training finds them, by their name in the classifier: as
            downloaded or, of a recurrent encoder, as the seed drew them.
        anew: names of those that each seed draws anew.
        micro_batches: how a batch is cut to fit memory.
        processes: how a batch is shared among processes.
        fingerprint: of the configuration.
        work: folder of the checkpoints.
        checkpoint_seconds: of training from one to the next.
        kernels: the compiled operations, which the optimizer steps with; None where there are none.
        compiled: how many of the encoder's layers compute with them.
    """

    name: str
    ablation: Ablation
    losses: dict[str, Loss]
    phases: Phases
    dev: TokenizedSplit
    engine: Engine
    frozen: Callable[[], FrozenFeatures]
    prefixes: Prefixes | None
    pretrained: dict[str, torch.Tensor]
    anew: frozenset[str]
    micro_batches: MicroBatches
    processes: Processes
    fingerprint: str
    work: Path
    checkpoint_seconds: float
    kernels: Kernels | None
    compiled: int


@dataclass(frozen=True)
class EpochMeans:
    """What an epoch's training steps measured; the attributes are :class:`EpochRecord`'s."""

    loss: float
    accuracy: float
    gradient_norm: float


class Run:
    """One seed of one ablation, from its head's first weights to its best epoch."""

    def __init__(self, study: Study, classifier: Classifier, seed: int) -> None:
        self.study = study
        self.classifier = classifier
        self.seed = seed
        ablation = study.ablation
        self.optimizer = Optimizer(
            ablation.learning_rate,
            ablation.weight_decay,
            ablation.schedule,
            ablation.epochs,
            levels_of(classifier),
            self._table(),
            study.kernels,
            study.engine.half_of,
        )
        self.average = WeightAverage(ablation.average)
        self._depths = depths_of(ablation, len(classifier.parts()))
        self.state = RunState(study.fingerprint)
        self._checkpoints = Checkpoints(study.work / str(seed), study.fingerprint, study.checkpoint_seconds)
        self.modules = self._loss_modules()
        # Of an encoder that learnt in earlier phases and is frozen now; None while there is no such thing.
        self._refrozen: FrozenFeatures | None = None

    def train(self) -> RunState:
        """Train, or go on from the last checkpoint, and leave the best epoch's weights in the classifier.

        Raises:
            FinesentError: the loss or its gradient is no longer finite, memory is too small for one
                sentence, or a checkpoint belongs to another configuration.
        """
        self._resume()
        phases = self.study.phases
        total, left = phases.rows_after(0), phases.rows_after(self.state.epoch)
        title = f"{self.study.name} seed {self.seed}"
        shown = self.study.processes.is_main
        with Progress(title, total, total - left, shown) as progress:
            while not self.state.finished:
                self._epoch(self.state.epoch + 1, progress)
                if self.study.processes.is_main:
                    self._checkpoints.keep(self.state)
            progress.stop_early(phases.rows_after(self.state.epoch))
        for name, loss in self.study.losses.items():
            if (remark := loss.remark()) and shown:
                Progress.say(f"{title}: {name}: {remark}")
        self._restore(self.state.best)
        return self.state

    def _epoch(self, epoch: int, progress: Progress) -> None:
        started = time.perf_counter()
        self._unfreeze(epoch)
        seed_dropout(self.seed, epoch, self.study.processes.index)
        means = self._steps(epoch, progress)
        trained = time.perf_counter() - started
        with self.average.applied():
            logits = self._score_dev(epoch)
        scores = dev_scores(self.study.dev.labels, logits)
        record = EpochRecord(
            seed=self.seed,
            epoch=epoch,
            step=self.state.step,
            trainable_layers=self._depth(epoch),
            learning_rate_head=self.optimizer.rate_of(head=True),
            learning_rate_backbone=self.optimizer.rate_of(head=False),
            train_loss=means.loss,
            train_accuracy=means.accuracy,
            gradient_norm=means.gradient_norm,
            dev_loss=scores.loss,
            dev_accuracy=scores.accuracy,
            dev_macro_f1=scores.macro_f1,
            seconds=time.perf_counter() - started,
            sentences_per_second=len(self.study.phases.split(epoch)) / trained,
            parameters=count_parameters(self.classifier.parameters()),
            trainable_parameters=count_parameters(self.classifier.parameters(), trainable=True),
            peak_memory=peak_memory(self.study.engine.device),
            device=device_name(self.study.engine.device),
            precision=self.study.engine.precision,
        )
        self._close(record, scores, logits)
        progress.epoch_ended(epoch, scores.accuracy)

    def _steps(self, epoch: int, progress: Progress) -> EpochMeans:
        """One pass over the epoch's training rows."""
        study = self.study
        train = study.phases.split(epoch)
        batches = epoch_batches(
            train.lengths, study.ablation.batch, numpy_stream(self.seed, "order", epoch), train.labels
        )
        objective = self._objective(epoch)
        losses, norms = [], []
        for number, rows in enumerate(batches):
            self.optimizer.set_rates((epoch - 1 + number / len(batches)) / study.ablation.epochs)
            ours = study.processes.share(rows)
            loss = study.micro_batches.backward(ours, len(rows), objective, self._begin_batch_anew)
            losses.append(study.processes.add_up(loss.to(study.engine.device)))
            study.processes.add_up_gradients(self.optimizer.parameters)
            norms.append(self.optimizer.clip(study.ablation.max_grad_norm))
            moment = f"epoch {epoch}, batch {number + 1} of {len(batches)}"
            self._require_numbers(losses[-1], norms[-1], objective, moment)
            self.optimizer.step()
            self.average.update(self.optimizer.named, epoch)
            progress.advance(len(rows), losses[-1])
        self.optimizer.settle()
        self.state.step += len(batches)
        right = int(study.processes.add_up(objective.right.sum()))
        return EpochMeans(
            loss=float(torch.stack(losses).cpu().numpy().mean()),
            accuracy=right / len(train),
            gradient_norm=float(torch.stack(norms).mean()),
        )

    def _begin_batch_anew(self) -> None:
        """After memory ran out, for smaller pieces, whose gradients are added up in float32."""
        self.optimizer.zero_grad()
        if self.study.kernels is not None:
            self.study.engine.follow(self.classifier.encoder, half_gradients=False)

    def _objective(self, epoch: int) -> Objective:
        study, train, losses = self.study, self.study.phases.split(epoch), self._losses(epoch)
        if self._reads_cached(epoch):
            # On frozen features only the losses that reach the head have a gradient; the others are left
            # out, so that no companion is encoded for nothing.
            losses = {name: loss for name, loss in losses.items() if loss.reaches_head}
            features = study.phases.of(self._frozen(epoch).train, epoch)
            return Objective(study.engine, self.classifier, train, losses, {}, features, self.modules)
        drawn = {
            name: loss.draw_companions(train.labels, numpy_stream(self.seed, f"companions/{name}", epoch))
            for name, loss in losses.items()
        }
        companions = {name: rows for name, rows in drawn.items() if rows is not None}
        prefix = self._prefix(epoch)
        states = None if prefix is None else prefix.train.of(study.phases.numbers(epoch))
        return Objective(
            study.engine, self.classifier, train, losses, companions, None, self.modules, prefix=states
        )

    def _losses(self, epoch: int) -> dict[str, Loss]:
        """The losses that count in an epoch, by name."""
        named = self.study.ablation.phase_of(epoch).losses
        return {name: loss for name, loss in self.study.losses.items() if named is None or name in named}

    def _teaches_head(self, epoch: int) -> bool:
        return any(loss.reaches_head for loss in self._losses(epoch).values())

    def _frozen(self, epoch: int) -> FrozenFeatures:
        """The features that an epoch of a frozen encoder reads."""
        study = self.study
        if not any(self._depths[: epoch - 1]):
            return study.frozen()
        if self._refrozen is None:
            self._refrozen = FrozenFeatures.of(study.engine, self.classifier, study.phases.train, study.dev)
        return self._refrozen

    def _prefix(self, epoch: int) -> Prefix | None:
        """The states that an epoch's passes begin with, above layers that no epoch has taught yet."""
        depth = self._depth(epoch)
        if self.study.prefixes is None or max(self._depths[:epoch]) > depth:
            return None
        return self.study.prefixes.at(depth)

    def _score_dev(self, epoch: int) -> np.ndarray:
        study = self.study
        if self._reads_cached(epoch):
            features = self._frozen(epoch).dev
        else:
            prefix = self._prefix(epoch)
            states = None if prefix is None else prefix.dev
            features = all_features(study.engine, self.classifier, study.dev, prefix=states)
        logits = all_logits(study.engine, self.classifier, features)
        if not np.isfinite(logits).all():
            raise self._diverged(f"epoch {epoch}", "the logits of the dev split are no longer numbers")
        return logits

    def _close(self, record: EpochRecord, scores: DevScores, logits: np.ndarray) -> None:
        """Take the finished epoch into the state, and decide whether it is the best and the last."""
        state, ablation = self.state, self.study.ablation
        state.epoch = record.epoch
        state.records.append(record)
        state.weights = self._learned()
        state.moments = self.optimizer.state()
        state.averages = self.average.state()
        # While no loss has taught the head, dev scores are those of its first, random weights.
        taught = any(self._teaches_head(epoch) for epoch in range(1, record.epoch + 1))
        score = scores.by(ablation.select)
        if taught and (state.best_score is None or score > state.best_score):
            state.best_score, state.best_epoch = score, record.epoch
            kept = state.weights | self.average.weights
            state.best = {name: tensor.clone() for name, tensor in kept.items()}
            state.dev = {"logits": torch.from_numpy(logits)}
        state.finished = state.epoch == ablation.epochs or self._out_of_patience()

    def _out_of_patience(self) -> bool:
        ablation = self.study.ablation
        if ablation.patience is None:
            return False
        # Waiting begins once everything that will ever learn does, on the rows that it ends with, and what
        # will be averaged is: a plateau before is no end.
        settled = next(
            e for e in range(1, ablation.epochs + 1) if self._depth(e) == self._depth(ablation.epochs)
        )
        settled = max(settled, ablation.settled)
        if ablation.average is not None:
            settled = max(settled, ablation.average.from_epoch)
        return self.state.epoch - max(self.state.best_epoch, settled) >= ablation.patience

    def _resume(self) -> None:
        found = self._checkpoints.load()
        if found is None:
            return
        self.state = found
        if found.finished:
            return
        Progress.say(f"{self.study.name} seed {self.seed}: going on after epoch {found.epoch}")
        for epoch in range(1, found.epoch + 1):
            self._unfreeze(epoch)
        self._restore(found.weights)
        self.optimizer.load_state(found.moments)
        self.average.load_state(found.averages, self.optimizer.named)

    def _unfreeze(self, epoch: int) -> None:
        depth, losses = self._depth(epoch), self._losses(epoch)
        if depth:
            self._refrozen = None
        self.classifier.set_depth(depth)
        # So that its warm-up begins with the first phase that teaches it.
        self.classifier.head.requires_grad_(self._teaches_head(epoch))
        for name, module in self.modules.items():
            module.requires_grad_(name in losses and (depth > 0 or losses[name].reaches_head))
        learning = [(name, parameter) for name, parameter in self._parameters() if parameter.requires_grad]
        self.optimizer.add(learning, started=(epoch - 1) / self.study.ablation.epochs)

    def _depth(self, epoch: int) -> int:
        return self._depths[epoch - 1]

    def _reads_cached(self, epoch: int) -> bool:
        # What a reader learns changes the features even of a frozen encoder.
        return self._depth(epoch) == 0 and not self.classifier.reader.learns

    def _learned(self) -> dict[str, torch.Tensor]:
        """The weights that are, or by now may be, no longer those that the run began with."""
        learnt = self.optimizer.named
        return {
            name: parameter.detach()
            for name, parameter in self._parameters()
            if name in learnt or name in self.study.anew
        }

    def _table(self) -> WordEmbeddings | None:
        """The word embeddings, where it pays to move only those that a batch reads.

        On a GPU it does not, sums over processes and averages over steps need every row at each step.
        """
        study = self.study
        table = self.classifier.encoder.get_input_embeddings()
        alone = study.engine.device.type == "cpu" and study.processes.count == 1
        if not alone or study.ablation.average is not None or not isinstance(table, WordEmbeddings):
            return None
        return table

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Those of the classifier and of the losses, which go with the head: they learn at its rate."""
        yield from self.classifier.named_parameters()
        for name, module in self.modules.items():
            yield from module.named_parameters(prefix=f"head.losses.{name}")

    def _loss_modules(self) -> dict[str, nn.Module]:
        hidden, modules = hidden_size(self.classifier.encoder), {}
        for name, loss in self.study.losses.items():
            module = loss.make_module(hidden, self.classifier.classes)
            if module is not None:
                initialise(module, torch_stream(self.seed, f"losses/{name}"))
                modules[name] = module.to(self.study.engine.device)
        return modules

    def _restore(self, weights: dict[str, torch.Tensor]) -> None:
        """Put weights into the classifier by name; the rest of it goes back to its pretrained values."""
        with torch.no_grad():
            for name, parameter in self._parameters():
                value = weights.get(name, self.study.pretrained.get(name))
                # A loss's module that has not begun to learn is in neither, and is as it was drawn.
                if value is not None:
                    parameter.copy_(value)

    def _require_numbers(
        self, loss: torch.Tensor, norm: torch.Tensor, objective: Objective, moment: str
    ) -> None:
        """Stop before a step that would spoil the weights; the look at every step waits for the device.

        Every process sees the sum of all gradients, so that all of them stop at once.
        """
        if torch.isfinite(loss) and torch.isfinite(norm):
            return
        what = ", ".join(f"loss {name!r}" for name in objective.broken()) or "gradient"
        raise self._diverged(moment, f"the {what} is no longer a number")

    def _diverged(self, moment: str, problem: str) -> FinesentError:
        return FinesentError(
            f"{self.study.name} seed {self.seed}, {moment}",
            problem,
            "lower the learning rates, raise schedule.warmup, or set train.precision to float32",
        )
