"""What the train stage reads, beside the defaults and its own ablation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from finesent.validation import Block


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("a seed stands twice; the same run would be counted as two")
    return seeds


Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1), AfterValidator(_distinct)]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bf16"]


class Train(Block):
    """Where and how the arithmetic is done.

    Attributes:
        device: ``auto`` is CUDA where there is a device, else the CPU.
        precision: ``auto`` is bf16 where the device multiplies it in hardware, else float32; the
            weights and the optimizer's moments are float32 either way.
        micro_batch: sentences in one forward pass; null puts a whole batch through. The effective
            batch is the ablation's either way.
        processes: on this machine, each with a share of every batch; a GPU each where there are any.
        seeds_at_once: so many seeds are trained side by side, a process each, which share the cores, or the
            GPU; each needs the memory of a run.
        kernels: ``auto`` compiles the operations of a layer with g++ where there is one, and has a CPU
            compute with them; ``off`` computes with PyTorch's. Dropout draws other numbers with them.
        checkpoint_seconds: of training after which the state of a run is written, at the next end of an
            epoch; 0 writes it after every epoch. A killed run goes on from there.
    """

    device: Device
    precision: Precision
    micro_batch: Annotated[int, Field(ge=1)] | None
    processes: Annotated[int, Field(ge=1)] = 1
    seeds_at_once: Annotated[int, Field(ge=1)] = 1
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60
    kernels: Literal["auto", "off"] = "auto"

    @model_validator(mode="after")
    def _splits_one_way(self) -> Train:
        if self.processes > 1 and self.seeds_at_once > 1:
            raise ValueError("set one of processes and seeds_at_once to 1: a run shares batches or seeds")
        return self


class TrainParams(Block):
    """The keys of params.yaml that train depends on, the ablation's own block apart."""

    dataset: str
    seeds: Seeds
    train: Train
