"""The comparison metrics as they stood at another commit, read from git without touching the work tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass

from finesent.errors import FinesentError
from finesent.evaluation.comparison_files import METRICS_FILE, Metrics, check_metrics

# Where DVC keeps an experiment: refs/exps/<2 digits>/<38 digits of the commit it started from>/<name>.
_EXPERIMENT = re.compile(r"^refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(.+)$")


@dataclass(frozen=True)
class Revision:
    """The metrics/comparison.json of a revision, under the name that the user gave it."""

    name: str
    commit: str
    metrics: Metrics


def read_revision(name: str) -> Revision:
    """Read metrics/comparison.json of this folder at a commit, branch, tag or DVC experiment.

    Raises:
        FinesentError: this is no git repository, there is no such revision, the name belongs to several
            experiments, or the revision has no such file or a malformed one.
    """
    commit = _resolve(name)
    place = f"{name}:{METRICS_FILE}"
    # The leading ./ makes git look from this folder, which may be a study inside the repository.
    shown = _git("show", f"{commit}:./{METRICS_FILE.as_posix()}")
    if shown.returncode != 0:
        raise FinesentError(
            place,
            "that revision holds no such file",
            "choose a revision at which `dvc repro` had run and its metrics were committed",
        )
    try:
        content = json.loads(shown.stdout)
    except json.JSONDecodeError as error:
        raise FinesentError(place, f"not valid JSON ({error})", "choose another revision") from error
    return Revision(name, commit, check_metrics(content, place))


def _resolve(name: str) -> str:
    inside = _git("rev-parse", "--is-inside-work-tree")
    if inside.returncode != 0:
        raise FinesentError(
            f"--against {name}",
            inside.stderr.strip() or "git failed",
            "run inside the git repository of the study",
        )
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    return _resolve_experiment(name)


def _resolve_experiment(name: str) -> str:
    refs = _git("for-each-ref", "--format=%(refname)", "refs/exps/").stdout.splitlines()
    matches = [match for match in map(_EXPERIMENT.match, refs) if match and match[3] == name]
    if len(matches) > 1:
        # DVC, too, means the experiment that started from the present commit.
        head = _git("rev-parse", "HEAD").stdout.strip()
        matches = [match for match in matches if match[1] + match[2] == head] or matches
    if not matches:
        raise FinesentError(
            f"--against {name}",
            "no commit, branch, tag or DVC experiment has that name",
            "see `git log`, `git branch`, `git tag` or `dvc exp list --all-commits`",
        )
    if len(matches) > 1:
        starts = ", ".join((match[1] + match[2])[:7] for match in matches)
        raise FinesentError(
            f"--against {name}",
            f"several experiments have that name, started from {starts}",
            "give one's commit instead; `git for-each-ref refs/exps` lists them",
        )
    return _git("rev-parse", "--verify", f"{matches[0][0]}^{{commit}}").stdout.strip()


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=os.environ | {"LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError as error:
        raise FinesentError("--against", "the program git was not found", "install git") from error
