"""The whole of params.yaml, checked across its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import model_validator

from finesent.errors import FinesentError
from finesent.params.ablation import Ablation, GloveEmbeddings, RecurrentEncoder, merge_ablation
from finesent.params.claims import Claim
from finesent.params.clean import Clean
from finesent.params.compare import Compare
from finesent.params.evaluate import Evaluate
from finesent.params.names import NAME
from finesent.params.reading import PARAMS
from finesent.params.sample import Sample
from finesent.params.tokenize import Input
from finesent.params.train import Seeds, Train
from finesent.params.transfer import DataChoice
from finesent.validation import parse
from finesent.yaml_files import read_yaml

# metrics/<ablation>.json lies beside these.
_RESERVED = {"clean", "comparison", "data"}


class Study(DataChoice):
    """Every key of params.yaml; an unknown one anywhere is an error."""

    backbone: str
    embeddings: str | None = None
    seeds: Seeds
    clean: Clean
    sample: Sample
    inputs: dict[str, Input]
    train: Train
    ablations: dict[str, Ablation]
    evaluate: Evaluate
    compare: Compare
    claims: list[Claim]

    @property
    def encoder(self) -> str:
        """What its ablations run on, for a reader: the backbone, unless none of them has one."""
        recurrent = all(isinstance(a.encoder, RecurrentEncoder) for a in self.ablations.values())
        return "recurrent encoders" if recurrent else self.backbone

    @model_validator(mode="after")
    def _names_fit(self) -> Study:
        # Both kinds of name become the names of folders.
        for name in self.inputs:
            if not NAME.fullmatch(name):
                raise ValueError(f"inputs.{name}: needs a name of a-z, 0-9 and '-'")
        for name, ablation in self.ablations.items():
            if ablation.input not in self.inputs:
                raise ValueError(
                    f"ablations.{name}.input: {ablation.input!r} is not in {sorted(self.inputs)}"
                )
            if not NAME.fullmatch(name) or name in _RESERVED:
                raise ValueError(
                    f"ablations.{name}: needs a name of a-z, 0-9 and '-', not {sorted(_RESERVED)}"
                )
        if self.compare.baseline not in self.ablations:
            raise ValueError(
                f"compare.baseline: {self.compare.baseline!r} is not in {sorted(self.ablations)}"
            )
        return self

    @model_validator(mode="after")
    def _encoders_have_their_tokens(self) -> Study:
        for name, ablation in self.ablations.items():
            encoder, words = ablation.encoder, self.inputs[ablation.input].words
            recurrent = isinstance(encoder, RecurrentEncoder)
            if recurrent != (words is not None):
                needs, has = ("with", "none") if recurrent else ("without", "them")
                raise ValueError(
                    f"ablations.{name}.encoder: {encoder.kind} needs an input {needs} words, "
                    f"and {ablation.input} has {has}"
                )
            if (
                isinstance(encoder, RecurrentEncoder)
                and isinstance(encoder.embeddings, GloveEmbeddings)
                and self.embeddings is None
            ):
                raise ValueError(
                    f"ablations.{name}.encoder.embeddings: glove needs the name of an entry of "
                    "catalog/embeddings.yaml under embeddings"
                )
        return self

    @model_validator(mode="after")
    def _phrases_are_there(self) -> Study:
        for name, ablation in self.ablations.items():
            if self.sample.phrases is None and {phase.rows for phase in ablation.by_epoch()} != {"sentences"}:
                raise ValueError(f"ablations.{name}.phases: there are no phrases, as sample.phrases is empty")
        return self

    @model_validator(mode="after")
    def _claims_fit(self) -> Study:
        for number, claim in enumerate(self.claims):
            for key, name in (("better", claim.better), ("than", claim.than)):
                if name not in self.ablations:
                    raise ValueError(f"claims.{number}.{key}: {name!r} is not in {sorted(self.ablations)}")
        seen = [(claim.better, claim.than, claim.metric) for claim in self.claims]
        if len(set(seen)) < len(seen):
            raise ValueError("claims: two of them say the same; Holm's correction would count it twice")
        return self


def read_study(path: Path = PARAMS) -> Study:
    """Read and check the whole file, with ``defaults`` laid under every ablation.

    Raises:
        FinesentError: any key anywhere is missing, unknown, of the wrong type or impossible.
    """
    return check_study(read_yaml(path), str(path))


def check_study(whole: dict[str, Any], place: str) -> Study:
    """Check the content of a params.yaml, with ``defaults`` laid under every ablation.

    Args:
        whole: content.
        place: what to call it in an error.

    Raises:
        FinesentError: any key anywhere is missing, unknown, of the wrong type or impossible.
    """
    content = dict(whole)
    defaults = content.pop("defaults", {})
    ablations = content.get("ablations")
    if not isinstance(defaults, dict) or not isinstance(ablations, dict):
        raise FinesentError(
            place, "defaults and ablations must be mappings", "compare it with the file in git"
        )
    for name, block in ablations.items():
        if isinstance(block, dict) and "input" not in block:
            raise FinesentError(
                f"{place}: ablations.{name}.input",
                "missing; defaults cannot give it, as dvc.yaml reads it from the ablation itself",
                "name one of the inputs",
            )
    content["ablations"] = {name: _merged_or_same(defaults, block) for name, block in ablations.items()}
    return parse(Study, content, place)


def _merged_or_same(defaults: dict[str, Any], block: Any) -> Any:
    return merge_ablation(defaults, block) if isinstance(block, dict) else block
