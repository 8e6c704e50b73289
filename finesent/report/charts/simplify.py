"""Curves of thousands of points with no more of them than one can see."""

from __future__ import annotations

import numpy as np


def simplified(points: list[tuple[float, float]], tolerance: float) -> list[tuple[float, float]]:
    """Leave out the points that lie within ``tolerance`` of the line through the points that stay.

    The algorithm of Ramer (1972, Computer Graphics and Image Processing 1(3)) and of Douglas and Peucker
    (1973, Cartographica 10(2)). The first and the last point always stay.
    """
    if len(points) < 3:
        return points
    places = np.asarray(points, np.float64)
    stay = np.zeros(len(points), bool)
    stay[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _distances(places[first + 1 : last], places[first], places[last])
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            middle = first + 1 + farthest
            stay[middle] = True
            spans += [(first, middle), (middle, last)]
    return [point for point, kept in zip(points, stay, strict=True) if kept]


def _distances(places: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance of each place (N, 2) from the line segment between two others."""
    along = end - start
    length = float(along @ along)
    share = np.clip((places - start) @ along / length, 0, 1) if length else np.zeros(len(places))
    return np.asarray(np.linalg.norm(places - (start + share[:, None] * along), axis=1))
