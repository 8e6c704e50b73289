"""Whether a published accuracy can be a share of its test set at all.

An accuracy is a whole number of right answers out of n. Printed with enough decimals, most numbers are no
such share of a given n, so that one which was mistyped, guessed or measured on other items often shows. This
is the GRIM test of Brown and Heathers (2017), Social Psychological and Personality Science 8(4).
"""

from __future__ import annotations

from finesent.catalog.published import Published, PublishedRow


def integer_caveats(row: PublishedRow) -> list[str]:
    """Return a sentence for each number of a published row that contradicts the n it is said to be out of."""
    n = row.claimed_n or row.n
    runs = int(row.runs.split("-")[-1]) if row.runs else 1
    caveats = []
    # The printed number may be one run's, or the mean of all.
    if not (attainable(row.accuracy, n, _decimals(row.accuracy)) or attainable_mean(row.accuracy, n, runs)):
        caveats.append(f"Integer check: {_not_of(row.accuracy, n)}.")
    if row.logged_accuracy is not None:
        caveats += _about_log(row.logged_accuracy, row, n)
    return caveats


def with_integer_caveats(published: Published) -> Published:
    """Return the published rows with what the check finds at the end of their caveats."""
    rows = [
        row.model_copy(update={"caveat": " ".join([row.caveat, *integer_caveats(row)])})
        for row in published.rows
    ]
    return Published(studies=published.studies, rows=rows)


def attainable_mean(value: float, n: int, runs: int) -> bool:
    """Tell whether a printed share can be the mean of ``runs`` runs, each a whole number out of ``n``."""
    return attainable(value, n * runs, _decimals(value))


def attainable(value: float, n: int, decimals: int) -> bool:
    """Tell whether a share printed with ``decimals`` decimals can be k out of n for a whole number k."""
    return whole_number(value, n, decimals) is not None


def whole_number(value: float, n: int, decimals: int) -> int | None:
    """Return the smallest whole number out of ``n`` that prints as ``value``; None where there is none.

    Both ways of printing count: rounded to the nearest, and cut off. In whole numbers throughout.
    """
    unit: int = 10**decimals
    printed: int = round(value * unit)
    # Rounding leads here from printed - 1/2 on, cutting off up to below printed + 1, in units of 1/unit.
    lowest, above_highest = (2 * printed - 1) * n, 2 * (printed + 1) * n
    smallest = max(0, -(-lowest // (2 * unit)))
    return smallest if smallest <= n and 2 * unit * smallest < above_highest else None


def _about_log(logged: float, row: PublishedRow, claimed: int) -> list[str]:
    """What a log's longer number says of the split that it was measured on."""
    if attainable(logged, claimed, _decimals(logged)):
        return []
    if claimed == row.n:
        return [f"Integer check: the log's {_not_of(logged, claimed)}."]
    found = whole_number(logged, row.n, _decimals(logged))
    origin = f"{found:,} of {row.n:,} ({row.actual_split}) and " if found is not None else ""
    return [
        f"Integer check: the log's {logged} is {origin}no whole number of {claimed:,} ({row.claimed_split})."
    ]


def _not_of(value: float, n: int) -> str:
    below = int(value * n)
    near = ", ".join(f"{k:,} gives {k / n:.5f}" for k in (below, below + 1))
    return f"{value} is no whole number of {n:,} ({near})"


def _decimals(value: float) -> int:
    # A trailing zero is lost in reading; one decimal fewer only makes the check more lenient.
    return len(repr(value).partition(".")[2])
