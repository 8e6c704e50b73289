"""The comparisons that can be asked for, each a few commands that are run in alternation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.alternate import Command
from benchmarks.recipe import BATCH
from benchmarks.workspace import ROOT, default_project, first_project, reviews_project

OURS = "finesent"
# So many steps of padded sentences show their speed, where an epoch would take half an hour.
_PADDED_STEPS = 64
# Those of the default study.
_FEW = 256


@dataclass(frozen=True)
class Setting:
    """What every comparison is run with.

    Attributes:
        datasets: catalog entries; training is on the first that can be had.
        peers: the interpreter that has the peers' libraries.
        threads: of each process.
        steps: of each epoch; None leaves it to the comparison.
        reviews: made-up reviews to clean.
    """

    datasets: tuple[str, ...]
    peers: Path
    threads: int
    steps: int | None
    reviews: int

    @cached_property
    def project(self) -> Path:
        """Folder with the data that training reads, which are made when they are first asked for."""
        return first_project(self.datasets).resolve()

    def rows(self, otherwise: int | None) -> list[str]:
        """Return the option that limits an epoch's rows."""
        rows = otherwise if self.steps is None else self.steps * BATCH
        return [] if rows is None else ["--rows", str(rows)]


@dataclass(frozen=True)
class Line:
    """A comparison.

    Attributes:
        title: above its table.
        says: what was done, in the document.
        figure: that the ratios are of; more is better, but of ``seconds``.
        work: figures that must be the same for all commands of a round.
        commands: ours first.
        compares: whether the others are what ours is measured beside.
        all_learns: whether every weight does, as the share of the ceiling supposes.
        data: what both sides read, in words.
    """

    title: str
    says: str
    figure: str
    work: tuple[str, ...]
    commands: Callable[[Setting], list[Command]]
    compares: bool = True
    all_learns: bool = True
    data: Callable[[Setting], str] = lambda setting: setting.project.name


def _ours(name: str, setting: Setting, module: str, *options: str) -> Command:
    return _child(name, setting, Path(sys.executable), f"benchmarks.{module}", *options)


def _peer(name: str, setting: Setting, module: str, *options: str) -> Command:
    return _child(name, setting, setting.peers, f"benchmarks.peers.{module}", *options)


def _child(name: str, setting: Setting, python: Path, module: str, *options: str) -> Command:
    data = ("--data", str(setting.project / "data"), "--seed", "{round}")
    return Command(
        name, (str(python), "-m", module, *data, *options), setting.project, _environment(setting.threads)
    )


def _environment(threads: int) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(threads),
        # Everything is on disk; asking the hub for news would be timed.
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _training(setting: Setting) -> list[Command]:
    rows = setting.rows(None)
    return [
        _ours(OURS, setting, "engine", *rows),
        _peer("Trainer, defaults", setting, "trainer", *rows),
        _peer("Trainer, tuned", setting, "trainer", "--tuned", *rows),
    ]


def _precision(setting: Setting) -> list[Command]:
    rows = setting.rows(None)
    return [
        _ours(OURS, setting, "engine", *rows),
        _ours(f"{OURS}, float32", setting, "engine", "--precision", "float32", *rows),
    ]


def _kernels(setting: Setting) -> list[Command]:
    rows = setting.rows(None)
    return [
        _ours(OURS, setting, "engine", *rows),
        _ours(f"{OURS}, nothing compiled", setting, "engine", "--kernels", "off", *rows),
    ]


def _padded(setting: Setting) -> list[Command]:
    rows = setting.rows(_PADDED_STEPS * BATCH)
    return [
        _ours(OURS, setting, "engine", *rows),
        _peer("padded to 256, float32", setting, "padded", "--epochs", "1", *rows),
    ]


def _frozen(setting: Setting) -> list[Command]:
    rows = setting.rows(None)
    return [
        _ours(OURS, setting, "engine", "--frozen", *rows),
        _peer("Trainer, tuned", setting, "trainer", "--tuned", "--frozen", *rows),
    ]


def _study(setting: Setting) -> list[Command]:
    project = default_project(None if setting.steps is None else setting.steps * BATCH).resolve()
    environment = _environment(setting.threads)
    return [
        Command(OURS, (sys.executable, "-m", "benchmarks.study", "{round}"), project, environment),
        Command(
            "Trainer, tuned",
            (str(setting.peers), "-m", "benchmarks.peers.study", "{round}"),
            project,
            environment,
        ),
    ]


def _few_shot(setting: Setting) -> list[Command]:
    rows = setting.rows(_FEW)
    return [
        _ours(OURS, setting, "engine", "--ablation", "after-n", *rows),
        _peer("SetFit", setting, "few_shot", *rows),
    ]


def _seeds(setting: Setting) -> list[Command]:
    count, rows = str(setting.threads), setting.rows(None)
    return [
        _ours(f"{count} seeds at once", setting, "engine", "--seeds", count, "--at-once", count, *rows),
        _ours(f"{count} seeds in turn", setting, "engine", "--seeds", count, *rows),
    ]


def _cleaning(setting: Setting) -> list[Command]:
    project = reviews_project(setting.reviews)
    environment = _environment(setting.threads)
    ours = (sys.executable, "-m", "stages.clean")
    raw, target = project / "data" / "raw" / "reviews.csv", project / "pandas"
    theirs = (str(setting.peers), "-m", "benchmarks.peers.pandas_cleaning", str(raw), str(target))
    return [
        Command(OURS, ours, project, environment, speaks=False),
        Command("pandas", theirs, project, environment),
    ]


def _stages(setting: Setting) -> list[Command]:
    trained = [f"{stage} {name}" for stage in ("train", "evaluate") for name in ("baseline", "tuned")]
    names = ["clean", "sample", "tokenize plain", *trained, "compare"]
    return [
        Command(
            name,
            (sys.executable, "-m", *f"stages.{name}".split()),
            setting.project,
            _environment(setting.threads),
            speaks=False,
        )
        for name in names
    ]


LINES = {
    "training": Line(
        "Training, beside Hugging Face's Trainer",
        "Two epochs over the whole training split, or over as many rows as make --steps; the speed is the "
        "second's, the first's stands beside it.",
        "speed",
        ("sentences", "tokens"),
        _training,
    ),
    "padded": Line(
        "Training, beside the write-up's protocol",
        f"{_PADDED_STEPS} steps an epoch, or --steps of them: two epochs of ours, one of the other, whose "
        "shapes are all one.",
        "speed",
        ("sentences", "tokens"),
        _padded,
    ),
    "precision": Line(
        "bf16, beside float32",
        "As above, ours in either precision.",
        "speed",
        ("sentences", "tokens"),
        _precision,
    ),
    "kernels": Line(
        "Compiled operations, beside PyTorch's",
        "As above, ours with `train.kernels: auto` and `off`.",
        "speed",
        ("sentences", "tokens"),
        _kernels,
    ),
    "frozen": Line(
        "A frozen encoder, beside Hugging Face's Trainer",
        "As above, while the head alone learns; in the first epoch ours computes the features of dev too.",
        "speed",
        ("sentences", "tokens"),
        _frozen,
        all_learns=False,
    ),
    "study": Line(
        "The default study's training, beside Hugging Face's Trainer",
        "Every ablation of params.yaml with as many seeds as it names, but new ones in every round, and dev "
        "scored after each epoch. Ours are the train stages, a process each, with their checkpoints and "
        "models; Trainer does all of it in one process, which imports its libraries once and writes nothing. "
        "Dev accuracy is the mean over all runs' last epochs.",
        "seconds",
        ("total_sentences", "total_tokens"),
        _study,
        data=lambda setting: "the default study's",
    ),
    "few-shot": Line(
        "Few sentences, beside SetFit",
        f"{_FEW} training sentences, or as many as make --steps, each side with settings of its own: after-n "
        "of params.yaml, and SetFit's defaults with its paper's 20 pairs. Dev accuracy is the last epoch's, "
        "not the best.",
        "seconds",
        ("sentences",),
        _few_shot,
    ),
    "seeds": Line(
        "Several seeds",
        "As many seeds as threads, two epochs each: side by side with a thread each, or one after the other "
        "with all of them. Seconds are of it all, the start of Python included.",
        "seconds",
        ("total_sentences",),
        _seeds,
    ),
    "cleaning": Line(
        "Cleaning reviews, beside pandas",
        "Made-up reviews of about 80 words in a csv file. Ours also checks the file, cuts the splits by a "
        "hash of each text, looks for what train shares with dev and test, and writes what it counted.",
        "seconds",
        (),
        _cleaning,
        data=lambda setting: f"{setting.reviews:,} reviews",
    ),
    "stages": Line(
        "Seconds of each stage",
        "The whole training split and one seed; baseline trains a head for two epochs, tuned a head for one "
        "and everything for one. Each stage is a process, whose start is counted.",
        "seconds",
        (),
        _stages,
        compares=False,
    ),
}
