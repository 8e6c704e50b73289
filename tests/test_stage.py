"""A stage ends with one line or with one error, and only a defect of ours shows a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from finesent.errors import FinesentError
from finesent.stage import run_stage

REPOSITORY = Path(__file__).parents[1]


def fail() -> str:
    raise FinesentError("data/raw/a.csv, row 3", "no label", "mend the file")


def test_prints_the_line_of_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    run_stage(lambda: "clean: 3 train")
    out, err = capsys.readouterr()
    assert (out, err) == ("clean: 3 train\n", "")


def test_error_goes_to_stderr_with_its_remedy_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_stage(fail)
    out, err = capsys.readouterr()
    assert caught.value.code == 1
    assert out == ""
    assert err == "error: data/raw/a.csv, row 3: no label\n  remedy: mend the file\n"


def test_defects_of_ours_pass_through() -> None:
    def defect() -> str:
        raise KeyError("label")

    with pytest.raises(KeyError, match="label"):
        run_stage(defect)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.parquet"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        # As the library that writes weights says it.
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["full", "quota", "safetensors"],
)
def test_a_full_disk_is_no_defect_of_ours(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def stage() -> str:
        raise error

    with pytest.raises(SystemExit) as caught:
        run_stage(stage)
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (1, "")
    assert "the disk is full" in err and "free some space" in err and "Traceback" not in err


def test_a_stage_run_as_dvc_runs_it_shows_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "finesent.params.check"],
        env={"PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: params.yaml: the file is missing")
    assert "Traceback" not in done.stderr


def test_error_keeps_its_parts() -> None:
    error = FinesentError("here", "this", "do that")
    assert (error.place, error.problem, error.remedy) == ("here", "this", "do that")
