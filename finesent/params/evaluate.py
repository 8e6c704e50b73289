"""What the evaluate stage reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finesent.params.train import Device, Precision, Seeds
from finesent.validation import Block


class Evaluate(Block):
    """How frozen models are scored.

    Attributes:
        device: as for train.
        precision: as for train.
        batch_tokens: in one forward pass, padding included; null for as many as suit the device.
    """

    device: Device
    precision: Precision
    batch_tokens: Annotated[int, Field(ge=64)] | None


class EvaluateParams(Block):
    """The keys of params.yaml that evaluate depends on."""

    dataset: str
    seeds: Seeds
    evaluate: Evaluate
