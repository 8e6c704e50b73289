"""Ordered class schemes of sentiment, and how a finer one is read as a coarser one."""

from __future__ import annotations

# Ratings count from the lowest class. At two classes what stands in the middle belongs to neither, and
# is left out, as the two-class Stanford Sentiment Treebank leaves it out.
_COARSER: dict[tuple[int, int], tuple[int | None, ...]] = {
    (5, 3): (0, 0, 1, 2, 2),
    (5, 2): (0, 0, None, 1, 1),
    (3, 2): (0, None, 1),
}


def coarser(own: int, wanted: int) -> tuple[int | None, ...]:
    """Return the class of a coarser scheme for each class of a finer one.

    Args:
        own: classes that there are, ordered, lowest first.
        wanted: classes that are asked for; an equal number is always possible.

    Returns:
        ``own`` entries; entry c is the class 0 to ``wanted`` - 1 that class c becomes, or None where
        a row of class c is left out.

    Raises:
        ValueError: there is no such reading; they are from 5 to 3 or 2, and from 3 to 2.
    """
    if own == wanted:
        return tuple(range(own))
    if (own, wanted) not in _COARSER:
        raise ValueError(f"{own} classes cannot be read as {wanted}")
    return _COARSER[own, wanted]
