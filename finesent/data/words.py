"""Splitting a text into words, the same way wherever it is done."""

from __future__ import annotations

import re

# Contractions are split as in the Penn Treebank (do n't, it 's), which is how GloVe's own texts were: a
# vector for "n't" exists, one for "don't" does not. Each punctuation mark is a word, so that "book." and
# "book" are no two words.
_WORD = re.compile(
    r"""
    [^\W_]+(?=n['’]t\b)         # the verb before n't; backtracks to leave the n
    | n['’]t\b
    | ['’](?:s|re|ve|ll|d|m)\b
    | [^\W_]+
    | [^\w\s] | _
    """,
    re.VERBOSE | re.IGNORECASE,
)


def split_words(text: str, lowercase: bool) -> list[str]:
    """Return the words and punctuation marks of a text, in order; its apostrophes become plain ones."""
    words = _WORD.findall(text.lower() if lowercase else text)
    return [word.replace("’", "'") for word in words]
