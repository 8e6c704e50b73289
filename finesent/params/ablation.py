"""An ablation: one block of params.yaml that says how a model is built and trained."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from finesent.params.reading import PARAMS, block_of, merged
from finesent.validation import Block, parse, unknown_name
from finesent.yaml_files import read_yaml

Fraction = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Size = Annotated[int, Field(ge=1)]


class PretrainedEncoder(Block):
    """The study's backbone.

    Attributes:
        mix_layers: of how many of the uppermost layers the token states are a learned mix; 1 takes the
            last layer alone.
    """

    kind: Literal["pretrained"] = "pretrained"
    mix_layers: Size = 1


class RandomEmbeddings(Block):
    """Word vectors of ``size`` dimensions, drawn at random and learned."""

    kind: Literal["random"]
    size: Size


class GloveEmbeddings(Block):
    """The word vectors of the study's ``embeddings``, which either stay as they are or are ``trained`` on."""

    kind: Literal["glove"]
    trained: bool


class RecurrentEncoder(Block):
    """A recurrent network over words, for an input that has ``words``.

    Attributes:
        cell: ``rnn`` is Elman's, with tanh.
        bidirectional: whether a second network reads each text backwards.
        layers: stacked, each reading the states of the one below.
        hidden: units of a layer in each direction.
        dropout: before each layer, the lowest included.
        embeddings: of the words.
    """

    kind: Literal["recurrent"]
    cell: Literal["rnn", "gru", "lstm"]
    bidirectional: bool
    layers: Size
    hidden: Size
    dropout: Fraction
    embeddings: Annotated[RandomEmbeddings | GloveEmbeddings, Field(discriminator="kind")]


Encoder = Annotated[PretrainedEncoder | RecurrentEncoder, Field(discriminator="kind")]
Pooling = Literal["first", "mean", "max", "attention", "final", "none"]


class NeverUnfreeze(Block):
    """The backbone stays as it was pretrained; only the head learns."""

    policy: Literal["never"]


class UnfreezeAll(Block):
    """The whole backbone begins to learn after ``after`` epochs of the head alone (0: at once)."""

    policy: Literal["all"]
    after: Annotated[int, Field(ge=0)]


class UnfreezeTopDown(Block):
    """After ``after`` epochs the top layer begins to learn, then one more every ``every`` epochs;
    the embeddings follow the lowest layer."""

    policy: Literal["top-down"]
    after: Annotated[int, Field(ge=0)]
    every: Annotated[int, Field(ge=1)]


Unfreeze = Annotated[NeverUnfreeze | UnfreezeAll | UnfreezeTopDown, Field(discriminator="policy")]


class Head(Block):
    """The classifier on top of the encoder (finesent/models/heads.py).

    Attributes:
        kind: ``bigru`` and ``bilstm`` read every token's state, the others one pooled vector.
        dropout: before each of the head's layers.
        hidden: units of ``bigru`` and ``bilstm`` in each direction; the others have none.
    """

    kind: Literal["linear", "linear-dropout-linear", "linear-tanh-linear", "bigru", "bilstm"]
    dropout: Fraction
    hidden: Size | None = None

    @property
    def reads_tokens(self) -> bool:
        """Whether it takes the states of all tokens instead of a pooled vector."""
        return self.kind in ("bigru", "bilstm")

    @model_validator(mode="after")
    def _has_its_size(self) -> Head:
        if self.reads_tokens and self.hidden is None:
            raise ValueError(f"a {self.kind} head needs hidden, its units in each direction")
        if not self.reads_tokens and self.hidden is not None:
            raise ValueError(f"a {self.kind} head has no hidden; set it to null")
        return self


class LearningRate(Block):
    """Peak learning rates of AdamW.

    Attributes:
        head: of the head.
        backbone: of the encoder's top layer.
        layer_decay: factor on the peak from each layer to the one below it, and from the lowest to the
            embeddings; 1 gives all of them ``backbone``.
    """

    head: Rate
    backbone: Rate
    layer_decay: Rate = 1.0


class Schedule(Block):
    """How the learning rates move.

    Attributes:
        shape: ``constant``; ``linear`` falls to zero at the last step; ``cosine`` does too, along half
            a wave; ``exponential`` multiplies by ``gamma`` after every epoch from epoch ``from_epoch``
            on (counted from 1).
        warmup: share of all steps over which a group's rate rises from zero, counted from the step
            at which that group begins to learn.
    """

    shape: Literal["constant", "linear", "cosine", "exponential"]
    warmup: Fraction
    gamma: Rate = 0.9
    from_epoch: Annotated[int, Field(ge=1)] = 1


class Ema(Block):
    """An exponential moving average of the weights is scored on dev and kept, not the last weights.

    Attributes:
        decay: what the average keeps of itself at a step.
        from_epoch: the first epoch (counted from 1) whose steps are averaged.
    """

    kind: Literal["ema"]
    decay: Annotated[float, Field(gt=0, lt=1)]
    from_epoch: Annotated[int, Field(ge=1)] = 1


class Batch(Block):
    """The effective batch: either so many sentences, or as many as fit so many tokens with padding.

    Attributes:
        sentences: in a batch.
        tokens: in a batch, padding included.
        class_aware: whether every row of a batch has another of its class beside it, which contrastive
            losses need.
    """

    sentences: Annotated[int, Field(ge=1)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None
    class_aware: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Batch:
        if (self.sentences is None) == (self.tokens is None):
            raise ValueError("set exactly one of sentences and tokens, and the other to null")
        if self.class_aware and (self.sentences or 0) < 4:
            raise ValueError("class_aware needs sentences of at least 4, and no tokens")
        return self


Rows = Literal["sentences", "phrases", "phrases+sentences"]


class Phase(Block):
    """Some epochs in a row that train on the same rows, towards the same losses.

    Attributes:
        rows: whole sentences, phrases of them (which ``sample.phrases`` must add), or both.
        epochs: so many.
        losses: names of those that count; null is every one.
        frozen: whether the encoder stays as the phases before left it, whatever ``unfreeze`` says.
    """

    rows: Rows = "sentences"
    epochs: Annotated[int, Field(ge=1)]
    losses: Annotated[list[str], Field(min_length=1)] | None = None
    frozen: bool = False

    def trains_alike(self, other: Phase) -> bool:
        """Whether it differs from another phase at most in its number of epochs."""
        return self.model_copy(update={"epochs": other.epochs}) == other


class Ablation(Block):
    """Everything that distinguishes one run from another, defaults filled in.

    ``losses`` maps a loss's name to its own parameters; each has a ``weight``. They are checked by
    the losses themselves (finesent/training/losses), which params.yaml's schema does not know.
    ``reinitialise`` is the number of the encoder's top layers that begin anew. ``phases`` say which rows
    each of the ``epochs`` trains on and towards which losses; null is every sentence and every loss in each.
    """

    input: str
    encoder: Encoder = PretrainedEncoder()
    pooling: Pooling
    head: Head
    losses: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    reinitialise: Annotated[int, Field(ge=0)] = 0
    unfreeze: Unfreeze
    learning_rate: LearningRate
    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Schedule
    average: Ema | None = None
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    batch: Batch
    epochs: Annotated[int, Field(ge=1)]
    phases: Annotated[list[Phase], Field(min_length=1)] | None = None
    patience: Annotated[int, Field(ge=1)] | None
    select: Literal["accuracy", "macro-f1", "accuracy+macro-f1", "loss"]

    @model_validator(mode="after")
    def _parts_fit(self) -> Ablation:
        if self.head.reads_tokens != (self.pooling == "none"):
            reads = (
                "every token's state: it needs pooling none" if self.head.reads_tokens else "a pooled vector"
            )
            raise ValueError(f"a {self.head.kind} head reads {reads}, not {self.pooling}")
        recurrent = isinstance(self.encoder, RecurrentEncoder)
        if self.pooling == "final" and not recurrent:
            raise ValueError("pooling final is the end state of a recurrent encoder; this one is pretrained")
        if self.pooling == "first" and recurrent:
            raise ValueError(
                "pooling first is a pretrained encoder's; a recurrent one has seen one word by then"
            )
        if recurrent and isinstance(self.unfreeze, NeverUnfreeze):
            raise ValueError(
                "unfreeze never leaves a recurrent encoder at its random start; set all, after 0"
            )
        return self

    @model_validator(mode="after")
    def _unfreezes_in_time(self) -> Ablation:
        if not isinstance(self.unfreeze, NeverUnfreeze) and self.unfreeze.after >= self.epochs:
            raise ValueError(
                f"unfreeze.after={self.unfreeze.after} leaves no epoch of {self.epochs} to fine-tune in"
            )
        return self

    @model_validator(mode="after")
    def _phases_fill_the_epochs(self) -> Ablation:
        if self.phases is not None and (total := sum(phase.epochs for phase in self.phases)) != self.epochs:
            raise ValueError(f"phases: theirs add up to {total} epochs, and epochs is {self.epochs}")
        return self

    @model_validator(mode="after")
    def _phases_share_out_the_losses(self) -> Ablation:
        named = {name for phase in self.by_epoch() for name in phase.losses or self.losses}
        if unknown := sorted(named - set(self.losses)):
            raise ValueError(f"phases: {unknown[0]!r} is not among the losses: {', '.join(self.losses)}")
        if idle := sorted(set(self.losses) - named):
            raise ValueError(f"phases: the loss {idle[0]!r} counts in none of them; name it, or take it out")
        return self

    @model_validator(mode="after")
    def _learns_in_a_phase(self) -> Ablation:
        if self.unfreeze.policy != "never" and all(phase.frozen for phase in self.by_epoch()):
            raise ValueError("phases: every one is frozen; set unfreeze.policy to never instead")
        return self

    @model_validator(mode="after")
    def _averages_one_encoder(self) -> Ablation:
        frozen = [phase.frozen for phase in self.by_epoch()]
        averaged = frozen[self.average.from_epoch - 1 :] if self.average is not None else []
        if any(later and not earlier for earlier, later in pairwise(averaged)):
            raise ValueError(
                "average: no frozen phase may follow an averaged epoch in which the encoder learns: its"
                " features would be those of the last weights, and the averaged encoder be another; begin"
                " from_epoch in that phase"
            )
        return self

    @model_validator(mode="after")
    def _new_layers_learn(self) -> Ablation:
        if self.reinitialise and isinstance(self.unfreeze, NeverUnfreeze):
            raise ValueError(
                f"reinitialise={self.reinitialise} needs an unfreeze.policy by which the new layers learn"
            )
        if self.reinitialise and isinstance(self.encoder, RecurrentEncoder):
            raise ValueError("reinitialise is a pretrained encoder's; all of a recurrent one begins anew")
        return self

    @model_validator(mode="after")
    def _averages_in_time(self) -> Ablation:
        if self.average is not None and self.average.from_epoch > self.epochs:
            raise ValueError(
                f"average.from_epoch={self.average.from_epoch} leaves no epoch of {self.epochs} to average"
            )
        return self

    def by_epoch(self) -> list[Phase]:
        """Return the phase of each epoch, the first epoch first."""
        return [phase for phase in self.phases or [Phase(epochs=self.epochs)] for _ in range(phase.epochs)]

    def phase_of(self, epoch: int) -> Phase:
        """Return the phase of an epoch (counted from 1)."""
        return self.by_epoch()[epoch - 1]

    @property
    def settled(self) -> int:
        """The epoch (counted from 1) from which on every one trains as the last does."""
        *earlier, last = self.by_epoch()
        return 1 + max((n for n, phase in enumerate(earlier, 1) if not phase.trains_alike(last)), default=0)


def merge_ablation(defaults: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Lay an ablation's block over ``defaults:``.

    ``unfreeze`` is replaced as a whole when the policy differs, and ``encoder`` when its kind does, since
    each has keys of its own; a loss set to null is taken out.
    """
    content = merged(defaults, override)
    for key, choice in (("unfreeze", "policy"), ("encoder", "kind")):
        old, own = defaults.get(key), override.get(key)
        if isinstance(old, dict) and isinstance(own, dict) and own.get(choice) not in (None, old.get(choice)):
            content[key] = own
    if isinstance(content.get("losses"), dict):
        content["losses"] = {name: block for name, block in content["losses"].items() if block is not None}
    return content


def read_ablation(name: str, path: Path = PARAMS) -> Ablation:
    """Return the ablation ``name`` with the defaults filled in.

    Raises:
        FinesentError: there is none of that name, or a key of it is unknown or impossible.
    """
    content = read_yaml(path)
    ablations = block_of(content, "ablations", path)
    if name not in ablations:
        raise unknown_name(f"{path}: ablations", "ablation", name, list(ablations))
    override = block_of(ablations, name, path)
    return parse(
        Ablation, merge_ablation(block_of(content, "defaults", path), override), f"{path}: ablations.{name}"
    )
