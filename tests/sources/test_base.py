"""Error lines and retries."""

from __future__ import annotations

import pytest

from finesent.sources.base import one_line
from finesent.sources.retry import with_retries


def test_an_error_becomes_one_short_line() -> None:
    assert one_line(ValueError("first\nsecond")) == "ValueError: first"
    assert one_line("") == "unknown error"
    assert len(one_line("x" * 1000)) == 300


def test_secrets_and_users_in_addresses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "marker-1")
    text = one_line("refused: marker-1 at http://me:marker-2@proxy:80/")
    assert text == "refused: <KAGGLE_KEY> at http://<user>@proxy:80/"


def test_a_passing_fault_is_tried_four_times_in_all() -> None:
    waits: list[float] = []

    def fail() -> None:
        raise OSError("again")

    with pytest.raises(OSError, match="again"):
        with_retries(fail, lambda error: True, waits.append)
    assert waits == [1.0, 2.0, 4.0]


def test_a_lasting_fault_is_raised_at_once() -> None:
    waits: list[float] = []

    def fail() -> None:
        raise OSError("for good")

    with pytest.raises(OSError, match="for good"):
        with_retries(fail, lambda error: False, waits.append)
    assert waits == []
