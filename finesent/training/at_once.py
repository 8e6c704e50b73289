"""Several seeds of an ablation side by side, a process each: all that comes back are their checkpoints.

A second core speeds small products up by less than twice, and what lies between them hardly at all; a second
seed keeps it busy. A seed comes to the same as it would alone with as many threads.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

from finesent.cores import usable_cores
from finesent.errors import FinesentError
from finesent.memory import keep_freed_memory
from finesent.models.classifier import Classifier
from finesent.params.ablation import Ablation
from finesent.params.train import TrainParams
from finesent.training.loop import Run, Study
from finesent.training.setup import Paths, only_one, prepare, reset


@dataclass(frozen=True)
class Job:
    """What a process needs to know to train any seed of an ablation; the attributes are as in ``prepare``."""

    name: str
    ablation: Ablation
    params: TrainParams
    classes: int
    paths: Paths


def seeds_at_once(params: TrainParams) -> int:
    """Return how many processes there are to be."""
    return min(params.train.seeds_at_once, len(params.seeds))


def take_share(params: TrainParams) -> None:
    """Let PyTorch use as many threads in this process as a seed has to itself.

    Checkpoints are of a number of threads, so that whoever reads them needs the same.
    """
    count = seeds_at_once(params)
    if count > 1:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), usable_cores() // count)))


def train_at_once(job: Job) -> None:
    """Train every seed to its end, so many at once as the job's params say.

    Raises:
        FinesentError: of the first seed that has one, or because a process was killed; the others are
            ended, and their checkpoints are kept.
    """
    # Fresh processes: a copy of this one would hold the locks of threads that it does not have.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(seeds_at_once(job.params), context, initializer=_begin, initargs=(job,)) as pool:
        running = [pool.submit(_train, seed) for seed in job.params.seeds]
        # The pool looks again at which processes to watch when it is woken, and submitting wakes it before it
        # starts one: without a last word, the end of the last process started might be seen hours late.
        pool.submit(_nothing)
        try:
            for done in as_completed(running):
                done.result()
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise FinesentError(
                    f"{job.name}: a process of train.seeds_at_once",
                    "was killed, and the others were ended; what ran out may be memory",
                    "set train.seeds_at_once lower; training goes on from the last checkpoints",
                ) from error
            raise


# What this process trains its seeds with; set once, as it starts.
_prepared: tuple[Study, Classifier] | None = None


def _begin(job: Job) -> None:
    global _prepared
    take_share(job.params)
    keep_freed_memory()
    _prepared = prepare(job.name, job.ablation, job.params, job.classes, job.paths)


def _nothing() -> None: ...


def _train(seed: int) -> None:
    assert _prepared is not None
    study, classifier = _prepared
    # One that was left behind by a killed parent may still be at work.
    with only_one(study.work / str(seed)):
        Run(reset(study, classifier, seed), classifier, seed).train()
