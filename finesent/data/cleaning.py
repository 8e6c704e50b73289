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
    without_tags = _TAG.sub(" ", html.unescape(text))
    return squeeze_spaces(_NOT_KEPT.sub(" ", without_tags.lower()))


RECIPES: dict[str, Callable[[str], str]] = {"none": squeeze_spaces, "reviews": clean_review}


def normalised(text: str) -> str:
    """The form in which two texts count as copies: Unicode NFKC, case folded, spaces squeezed."""
    return squeeze_spaces(unicodedata.normalize("NFKC", text).casefold())
