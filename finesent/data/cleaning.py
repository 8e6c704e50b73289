"""Cleaning recipes, and the form in which texts are compared."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

_TAG = re.compile(r"<!--.*?-->|</?[a-z][^<>]*>", re.IGNORECASE | re.DOTALL)
_NOT_KEPT = re.compile(r"[^a-z0-9 .,!?\"']+")


def squeeze_spaces(text: str) -> str:
    """Trim the ends and turn every run of white space into one space."""
    return " ".join(text.split())


def clean_review(text: str) -> str:
    """Lower-case, take out HTML, keep letters, digits and ``.,!?"'``, squeeze spaces.

    What goes becomes a space, so that the words on either side stay apart. This is the cleaning of
    the write-up on recurrent networks for Amazon reviews.
    """
    return review_letters(without_markup(text))


def without_markup(text: str) -> str:
    """Turn entities into what they stand for, and tags into spaces."""
    return _TAG.sub(" ", html.unescape(text))


def review_letters(text: str) -> str:
    """Do what :func:`clean_review` does to a text that has no HTML."""
    return squeeze_spaces(_NOT_KEPT.sub(" ", text.lower()))


RECIPES: dict[str, Callable[[str], str]] = {"none": squeeze_spaces, "reviews": clean_review}


def normalised(text: str) -> str:
    """The form in which two texts count as copies: Unicode NFKC, case folded, spaces squeezed."""
    return squeeze_spaces(unicodedata.normalize("NFKC", text).casefold())
