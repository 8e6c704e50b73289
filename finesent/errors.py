"""The one exception a user meets: what went wrong, where, and what to do about it."""

from __future__ import annotations


class FinesentError(Exception):
    """A mistake in the input or the surroundings that the user can mend.

    Args:
        place: the file, row, key or folder where it went wrong.
        problem: what was found there.
        remedy: what to do; names a command, a key or a variable where there is one.
    """

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        self.place = place
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{place}: {problem}\n  remedy: {remedy}")

    def __reduce__(self) -> tuple[type[FinesentError], tuple[str, str, str]]:
        """Say how to make it anew: an exception is otherwise pickled by what it prints."""
        return type(self), (self.place, self.problem, self.remedy)
