"""A made-up study for the page's tests: seeded, consistent in itself, with texts that try to break out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from finesent.catalog.published import read_published
from finesent.evaluation.integer_check import with_integer_caveats
from finesent.evaluation.results import (
    METRICS,
    AblationResult,
    CeilingRow,
    Comparison,
    Cost,
    Gain,
    Pair,
    RecurringPhrases,
    TransferSet,
    Verdict,
)
from finesent.evaluation.spreads import Spread
from finesent.report.content import AblationDetails, Answer, Content, Curve, Item, NearDuplicate, Provenance

LABELS = ["very negative", "negative", "neutral", "positive", "very positive"]
# Skill of each ablation: how much its logits favour the right class.
SKILLS = {"baseline": 0.75, "after-n": 1.05, "layerwise": 1.1, "prompt": 0.35, "triplet": 0.3}
NASTY = [
    "</script><script>window.broken = 1</script> a film to forget",
    '<img src=x onerror="window.broken = 2"> & \'quotes\' "everywhere"',
    "<!-- <script> half a comment, and --> an end of one",
    "\u2028line separators\u2029 and \u202eright-to-left overrides\u202c, {{ braces }} {% too %}",
    "𝓤nicode, é́ accents, 日本語の映画, ‏עברית‎ and 🎬",
    "averyveryverylongwordthatnobodywouldwrite" * 6,
]
_WORDS = [
    *["the", "a", "film", "story", "actor", "plot", "scene", "music", "director", "with", "of", "its", "and"],
    *[
        "clever",
        "dull",
        "moving",
        "tired",
        "charming",
        "bleak",
        "funny",
        "never",
        "always",
        "almost",
        "quite",
    ],
]


def make_content(items: int = 400, ablations: int = 5, seeds: int = 3) -> Content:
    """Return content whose parts agree with each other as far as a reader would notice."""
    world = np.random.default_rng(items)
    names = [*SKILLS, *(f"variant-{n}" for n in range(len(SKILLS), ablations))][:ablations]
    labels = world.choice(5, items, p=[0.1, 0.35, 0.1, 0.35, 0.1])
    difficulty = world.normal(1, 0.4, items)
    logits = {name: _logits(name, labels, difficulty, seeds) for name in names}
    comparison = _comparison(names, labels, logits, seeds)
    return Content(
        comparison=comparison,
        details={name: _details(name, labels, logits[name]) for name in names},
        items=_items(world, labels, logits),
        items_left_out=0,
        data=_data(),
        near_duplicates=[
            NearDuplicate("near", "train", NASTY[0], "negative", "test", NASTY[1], "neutral", 0.93),
            NearDuplicate(
                "exact", "dev", "a moving film", "positive", "train", "a moving film", "neutral", 1.0
            ),
        ],
        provenance=Provenance(
            commit="75aaa89 + uncommitted changes",
            params="dataset: vader-movies\nseeds: [0, 1, 2]\n# </pre><script>window.broken = 3</script>\n",
            files={"data/raw/ratings.txt": "c8293b0d" * 8, "data/backbone/model.safetensors": "658a086b" * 8},
            versions={"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0"},
            devices=dict.fromkeys(names, "cpu, bf16"),
        ),
    )


def make_bare_content() -> Content:
    """Return the least there can be: one ablation, one seed, no claims, and nothing that may be missing."""
    content = make_content(items=12, ablations=1, seeds=1)
    alone = content.comparison.ablations["baseline"]
    cost = alone.cost.model_copy(update={"parameters": None, "trained_parameters": None, "peak_memory": None})
    bare = alone.model_copy(update={"cost": cost, "without_near_duplicates": None, "without_recurring": None})
    comparison = content.comparison.model_copy(
        update={
            "ablations": {"baseline": bare},
            "pairs": [],
            "claims": [],
            "ceiling": [],
            "transfer": {},
            "near_duplicates_in_test": None,
            "recurring": None,
            "published": content.comparison.published.model_copy(update={"rows": []}),
        }
    )
    empty = AblationDetails([[0] * 5] * 5, [], [], [], [], {}, {}, [])
    return replace(
        content,
        comparison=comparison,
        details={"baseline": empty},
        items=[],
        items_left_out=12,
        data={},
        near_duplicates=[],
        provenance=Provenance(None, "", {}, {}, {}),
    )


def _logits(name: str, labels: np.ndarray, difficulty: np.ndarray, seeds: int) -> np.ndarray:
    """(S, N, C) logits whose errors fall on neighbouring classes more often than on far ones."""
    own = np.random.default_rng([len(name), *name.encode()])
    distance = np.abs(labels[:, None] - np.arange(5))
    signal = SKILLS.get(name, 0.9) * difficulty[:, None] * (2 - distance)
    prior = np.array([-0.4, 0.5, -0.3, 0.5, -0.4])
    return (
        signal + prior + own.normal(0, 1.1, (1, len(labels), 5)) + own.normal(0, 0.4, (seeds, len(labels), 5))
    )


def _probabilities(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=-1, keepdims=True)).mean(axis=0))


def _comparison(
    names: list[str], labels: np.ndarray, logits: dict[str, np.ndarray], seeds: int
) -> Comparison:
    right = {name: (found.argmax(axis=2) == labels).mean(axis=1) for name, found in logits.items()}
    pairs = [
        Pair(better=better, than=than, gains={m: _gain(m, right[better] - right[than]) for m in METRICS})
        for number, better in enumerate(names)
        for than in names[:number]
    ]
    over_baseline = {pair.better: pair.gains for pair in pairs if pair.than == "baseline"}
    return Comparison(
        dataset="vader-movies",
        title="VADER movie-review sentences",
        labels=LABELS,
        backbone="minilm-l6",
        train_size=256,
        seeds=list(range(seeds)),
        dev_n=1089,
        test_n=len(labels),
        baseline="baseline",
        confidence=0.95,
        resamples=10000,
        resampled="seeds and items" if seeds > 1 else "items",
        ablations={name: _result(name, right[name], over_baseline.get(name)) for name in names},
        pairs=pairs,
        claims=_claims(pairs),
        ceiling=[
            CeilingRow(
                name="one held-out rater",
                n=len(labels),
                scores={
                    "accuracy": (0.548, 0.541, 0.555),
                    "macro_f1": (0.512, 0.503, 0.521),
                    "mae": (0.51, 0.5, 0.52),
                    "quadratic_kappa": (0.772, 0.765, 0.779),
                    "within_1": (0.944, 0.94, 0.948),
                },
                note="each rater in turn against the mean of the others",
            )
        ],
        transfer=_transfer(names) if seeds > 1 else {},
        near_duplicates_in_test=4,
        recurring=RecurringPhrases(min_words=4, n=21),
        published=with_integer_caveats(read_published()),
    )


def _result(name: str, right: np.ndarray, gains: dict[Any, Gain] | None) -> AblationResult:
    test, worse = _scores(right), _scores(right - 0.031)
    return AblationResult(
        dev=_scores(right + 0.004),
        test=test,
        collapsed_seeds=[2] if name == "triplet" and len(right) > 2 else [],
        without_near_duplicates={key: test[key] for key in ("accuracy", "macro_f1")},
        without_recurring={key: worse[key] for key in ("accuracy", "macro_f1")},
        gains=gains,
        cost=Cost(
            seconds_per_seed=13.4 + len(name),
            seconds=3 * (13.4 + len(name)),
            sentences_per_second=212.7,
            parameters=22_713_221,
            trained_parameters=1_926 if name == "baseline" else 22_713_221,
            peak_memory=1_431_655_765,
        ),
    )


def _scores(right: np.ndarray) -> dict[str, Spread]:
    values = {
        "accuracy": right,
        "macro_f1": right - 0.12,
        "mae": 1.25 - right,
        "quadratic_kappa": right + 0.08,
        "within_1": right + 0.3,
        "ece": 0.4 * right,
    }
    return {
        key: Spread(mean=float(value.mean()), sd=float(value.std(ddof=1)) if len(value) > 1 else None)
        for key, value in values.items()
    }


def _gain(metric: str, difference: np.ndarray) -> Gain:
    value, error = float(difference.mean()), 0.017 if metric != "macro_f1" else 0.02
    p = float(np.exp(-0.72 * (abs(value) / error) ** 1.5))
    return Gain(
        value=value,
        low=value - 2 * error,
        high=value + 2 * error,
        standard_error=error,
        degrees_of_freedom=12.5,
        p=p,
        p_holm=min(1.0, 4 * p),
        p_sign_flip=0.25 if len(difference) > 1 else None,
        minimum_detectable=2.9 * error,
        seeds_sd=0.004 if len(difference) > 1 else None,
        percentiles=(value - 1.9 * error, value + 1.9 * error),
    )


def _claims(pairs: list[Pair]) -> list[Verdict]:
    words = {
        "after-n": ("supported", "Supported", None, 0.0819),
        "layerwise": ("not resolved", "Not resolved at 3 seeds", 7, 0.0575),
        "prompt": ("contradicted", "Contradicted", None, 0.0897),
        "triplet": ("equivalent", "Equivalent", None, None),
    }
    claims = []
    for pair in pairs:
        if pair.than != "baseline" or pair.better not in words:
            continue
        verdict, lead, needed, printed = words[pair.better]
        gain = pair.gains["accuracy"]
        value, low, high = (f"{100 * number:+.2f}" for number in (gain.value, gain.low, gain.high))
        claims.append(
            Verdict(
                better=pair.better,
                than=pair.than,
                metric="accuracy",
                smallest_effect=0.01,
                published_gain=printed,
                source="Table 2 of the SST-5 write-up",
                verdict=verdict,
                sentence=f"{lead}: {pair.better} over {pair.than} gains {value} points in accuracy "
                f"[{low}, {high}].",
                gain=gain,
                seeds_to_resolve=needed,
            )
        )
    return claims


def _transfer(names: list[str]) -> dict[str, TransferSet]:
    scores = {
        name: {classes: _scores(np.array([0.5, 0.51, 0.49]) + 0.3 * (classes == 2)) for classes in (2, 5)}
        for name in names
    }
    return {
        "vader-tweets": TransferSet(
            dataset="vader-tweets",
            title="VADER tweets",
            shared_with_train=3,
            n={2: 3900, 5: 4200},
            majority={2: 0.686, 5: 0.4131},
            scores=scores,
        )
    }


def _details(name: str, labels: np.ndarray, logits: np.ndarray) -> AblationDetails:
    predicted = logits.argmax(axis=2)
    counts = np.zeros((5, 5), int)
    for row in predicted:
        np.add.at(counts, (labels, row), 1)
    away = np.abs(predicted - labels)
    hits, said, real = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    precision, recall = hits / np.maximum(said, 1), hits / np.maximum(real, 1)
    f1 = 2 * hits / np.maximum(said + real, 1)
    probabilities = _probabilities(logits)
    return AblationDetails(
        confusion=counts.tolist(),
        per_class=[
            {
                "label": label,
                "precision": float(precision[n]),
                "recall": float(recall[n]),
                "f1": float(f1[n]),
                "support": int((labels == n).sum()),
            }
            for n, label in enumerate(LABELS)
        ],
        per_length_bin=[
            {"shortest": 5 * n + 1, "longest": 5 * n + 5, "n": len(labels) // 4, "accuracy": 0.6 - 0.04 * n}
            for n in range(4)
        ],
        distances=[float((away == step).mean()) for step in range(5)],
        calibration=_calibration(labels, probabilities),
        roc={label: _roc(labels == n, probabilities[:, n]) for n, label in enumerate(LABELS)},
        precision_recall={label: _pr(labels == n, probabilities[:, n]) for n, label in enumerate(LABELS)},
        history=_history(name, len(logits)),
    )


def _calibration(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * 15).astype(int), 14)
    return [
        {
            "confidence": float(confidence[which == n].mean()),
            "accuracy": float(right[which == n].mean()),
            "n": int((which == n).sum()),
        }
        for n in np.unique(which)
    ]


def _roc(positive: np.ndarray, score: np.ndarray) -> Curve:
    hits = positive[np.argsort(-score)]
    rate = np.concatenate([[0], np.cumsum(hits) / hits.sum()])
    false = np.concatenate([[0], np.cumsum(~hits) / (~hits).sum()])
    return Curve(false.tolist(), rate.tolist())


def _pr(positive: np.ndarray, score: np.ndarray) -> Curve:
    hits = positive[np.argsort(-score)]
    found = np.cumsum(hits)
    return Curve((found / hits.sum()).tolist(), (found / np.arange(1, len(hits) + 1)).tolist())


def _history(name: str, seeds: int) -> list[dict[str, float]]:
    rows = []
    for seed in range(seeds):
        own = np.random.default_rng([seed, *name.encode()])
        epochs = 20 if name == "baseline" else 8
        for epoch in range(1, epochs + 1):
            learned = 1 - np.exp(-epoch / 3)
            rows.append(
                {
                    "seed": seed,
                    "epoch": epoch,
                    "step": 8 * epoch,
                    "train_loss": 1.6 - 0.9 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.02),
                    "train_accuracy": 0.3 + 0.4 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.004),
                    "gradient_norm": 0.6 + 2 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.1),
                    "dev_loss": 1.6 - 0.45 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.01),
                    "dev_accuracy": 0.36 + 0.16 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.006),
                    "dev_macro_f1": 0.15 + 0.2 * learned * SKILLS.get(name, 0.9) + own.normal(0, 0.01),
                    "selected": int(epoch == epochs - seed % 2),
                }
            )
    return rows


def _items(world: np.random.Generator, labels: np.ndarray, logits: dict[str, np.ndarray]) -> list[Item]:
    mean = {name: _probabilities(found) for name, found in logits.items()}
    items = []
    for number, label in enumerate(labels):
        length = int(world.integers(3, 36))
        text = NASTY[number] if number < len(NASTY) else " ".join(world.choice(_WORDS, length))
        answers = {
            name: Answer(
                predicted=int(mean[name][number].argmax()),
                confidence=float(mean[name][number].max()),
                right=int((found[:, number].argmax(axis=1) == label).sum()),
            )
            for name, found in logits.items()
        }
        items.append(Item(f"test-{number}", text, int(label), len(text.split()), answers))
    return items


def _data() -> dict[str, Any]:
    shares = dict(zip(LABELS, [0.1, 0.355, 0.095, 0.355, 0.095], strict=True))
    words = {"min": 1, "median": 17, "mean": 18.6, "p95": 37, "max": 52}
    splits = {"train": 8431, "dev": 1089, "test": 1085}
    repeats = {
        "within": {"train": 12, "dev": 1, "test": 0},
        "across": {"train-dev": 3, "train-test": 4, "dev-test": 0},
    }
    return {
        "rows": splits,
        "exact_duplicates": repeats,
        "near_duplicates": repeats,
        "label_conflicts": repeats,
        "labels": dict.fromkeys(splits, shares),
        "words": dict.fromkeys(splits, words),
        "sorted_by_label": {"train": 1, "dev": 0, "test": 0},
        "transfer_shared_with_train": {"vader-tweets": 3},
        "train_dropped_as_near_duplicates": 7,
    }
