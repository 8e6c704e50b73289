"""Texts that are the same, or nearly the same, whoever wrote them down and however.

Two texts are exact duplicates if they share a key that ignores case, punctuation, spacing, accents and the
form of Unicode. They are near duplicates if the trigrams of their keys have at least a given Jaccard
similarity. Candidates come from MinHash signatures (Broder 1997, "On the resemblance and containment of
documents") cut into bands (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4), and
every candidate is verified on the trigrams themselves, so that hashing can miss a pair and never invent one.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from rensa import RMinHash, RMinHashLSH

from finesent.data.cleaning import normalised

# The Penn Treebank writes brackets as -LRB- and -RRB-.
BRACKET = re.compile(r"-[lr][rcs]b-", re.IGNORECASE)
_SHINGLE = 3
# Signature sizes of 64 to 256 are usual; the error of an estimate falls with the root of it.
_PERMUTATIONS = 128
# Of the pairs that lie right at the threshold; those above it are found more surely still.
_RECALL = 0.98
_SEED = 1
# Bounds the lists of candidates that are held at once.
_BLOCK = 4096


def duplicate_key(text: str) -> str:
    """Return what two texts share if they say the same: letters, digits and emoji, without accents or case.

    A text that has none of these (``:-)``, ``!!!``) is its own normalised form.
    """
    plain = unicodedata.normalize("NFKD", BRACKET.sub(" ", text)).casefold()
    kept = (letter for letter in plain if letter.isalnum() or unicodedata.category(letter) == "So")
    return "".join(kept) or normalised(text)


def shingles(key: str) -> set[str]:
    """Return the trigrams of a key, its beginning and end marked by a space: no key has one there."""
    padded = f" {key} "
    return {padded[start : start + _SHINGLE] for start in range(len(padded) - _SHINGLE + 1)}


def jaccard(first: set[str], second: set[str]) -> float:
    """Return the size of the intersection over that of the union; one of the sets must have a member."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def near_pairs(keys: list[str], similarity: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of different keys whose shingles are similar.

    Args:
        keys: K keys, each once.
        similarity: the least Jaccard similarity, above 0 and at most 1.

    Returns:
        (P, 2) int64 positions in ``keys``, the earlier first, sorted, and (P,) float64 similarities. A
        pair right at the threshold is found with a probability of 0.98, over the choice of hash functions.
    """
    sets = [shingles(key) for key in keys]
    bands = _bands(similarity)
    size = bands * (_PERMUTATIONS // bands)
    signatures = RMinHash.from_token_sets([list(members) for members in sets], size, _SEED)
    index = RMinHashLSH(similarity, size, bands)
    index.insert_many(signatures)
    pairs: list[tuple[int, int]] = []
    similarities: list[float] = []
    for start in range(0, len(keys), _BLOCK):
        for second, candidates in enumerate(index.query_all(signatures[start : start + _BLOCK]), start):
            for first in sorted(set(candidates)):
                # Sets of too different a size need not be compared: their union is too large.
                small, large = sorted((len(sets[first]), len(sets[second])))
                if first >= second or small < similarity * large:
                    continue
                found = jaccard(sets[first], sets[second])
                if found >= similarity:
                    pairs.append((first, second))
                    similarities.append(found)
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    positions = np.array(pairs, dtype=np.int64).reshape(-1, 2)[order]
    return positions, np.array(similarities, dtype=np.float64)[order]


def _bands(similarity: float) -> int:
    """Return the fewest bands that still let a pair at the threshold meet in one of them, nearly always.

    Signatures of n values in b bands of r = n // b make two texts of similarity s meet with a
    probability of 1 - (1 - s^r)^b. Fewer and longer bands let fewer unlike texts meet.
    """
    for rows in range(_PERMUTATIONS, 1, -1):
        bands = _PERMUTATIONS // rows
        if 1 - (1 - similarity**rows) ** bands >= _RECALL:
            return bands
    return _PERMUTATIONS
