"""What has to be said beside the table, as sentences."""

from __future__ import annotations

from finesent.catalog.published import PublishedRow
from finesent.evaluation.markdown import number
from finesent.evaluation.results import Comparison
from finesent.evaluation.spreads import Spread


def remarks(comparison: Comparison, notes: list[PublishedRow]) -> list[str]:
    """Return the remarks in the order of reading; ``notes`` are the published rows beside an ablation."""
    return [
        _run(comparison),
        _spread(comparison),
        _gains(comparison),
        "Nothing was selected on test: epochs were chosen on dev, and every seed is in the means.",
        *_comparability(comparison, notes),
        *_collapses(comparison),
        *[f"People, {row.name} (n = {row.n:,}): {row.note}" for row in comparison.ceiling],
        *_near_duplicates(comparison),
        *_recurring(comparison),
        *_transfer(comparison),
    ]


def _run(comparison: Comparison) -> str:
    size = "every row" if comparison.train_size is None else f"{comparison.train_size} sampled rows"
    seeds = ", ".join(map(str, comparison.seeds))
    return (
        f"This run: {comparison.dataset} with {comparison.backbone}, trained on {size}; dev n = "
        f"{comparison.dev_n:,}, test n = {comparison.test_n:,}; seeds {seeds}."
    )


def _spread(comparison: Comparison) -> str:
    if len(comparison.seeds) > 1:
        return (
            "Accuracy and macro-F1 in percent points, MAE in classes; mean ± sample standard deviation over "
            "seeds."
        )
    return (
        "Accuracy and macro-F1 in percent points, MAE in classes, all of one seed: how much they vary over "
        "seeds is unknown, and there is no sign-flip test."
    )


def _gains(comparison: Comparison) -> str:
    text = (
        f"A gain is paired over seeds and items, and positive where the ablation is better, in MAE too; "
        f"its {100 * comparison.confidence:g} % interval is Student's t with the variance over "
        f"{comparison.resampled} that {comparison.resamples:,} bootstrap resamples show"
    )
    if len(comparison.seeds) == 1:
        return f"{text}: with one seed it says nothing about other seeds."
    return (
        f"{text}. Holm's correction is over the pairs shown, metric by metric, and over all claims; the "
        f"sign-flip test over {len(comparison.seeds)} seeds cannot go below "
        f"{2 / 2 ** len(comparison.seeds):.3g}."
    )


def _comparability(comparison: Comparison, notes: list[PublishedRow]) -> list[str]:
    """Say why published numbers cannot be set beside this run's, where they cannot."""
    here = (comparison.dataset, comparison.backbone)
    elsewhere = {(row.dataset, row.backbone) for row in notes} - {here}
    if elsewhere:
        where = ", ".join(f"{dataset} with {backbone}" for dataset, backbone in sorted(elsewhere))
        return [f"Published numbers are on {where}: not comparable with this run."]
    if notes and comparison.train_size is not None:
        return ["Published numbers come from training on every row: not comparable with this run's sample."]
    return []


def _collapses(comparison: Comparison) -> list[str]:
    return [
        f"{name}: {len(result.collapsed_seeds)} of {len(comparison.seeds)} seeds collapsed "
        f"({', '.join(map(str, result.collapsed_seeds))}): their dev accuracy is within 2 points of the "
        "majority class."
        for name, result in comparison.ablations.items()
        if result.collapsed_seeds
    ]


def _near_duplicates(comparison: Comparison) -> list[str]:
    count = comparison.near_duplicates_in_test
    if count is None:
        return ["Near duplicates between train and test were not looked for."]
    if count == 0:
        return ["No test sentence nearly repeats a sentence that was trained on."]
    without = {name: result.without_near_duplicates for name, result in comparison.ablations.items()}
    return [
        f"{count:,} of {comparison.test_n:,} test sentences nearly repeat one that was trained on"
        f"{_without_them(without)}."
    ]


def _recurring(comparison: Comparison) -> list[str]:
    found = comparison.recurring
    if found is None:
        return []
    phrase = f"a phrase of {found.min_words} words or more with train's trees"
    if found.n == 0:
        return [f"No test sentence shares {phrase}."]
    without = {name: result.without_recurring for name, result in comparison.ablations.items()}
    return [f"{found.n:,} of {comparison.test_n:,} test sentences share {phrase}{_without_them(without)}."]


def _without_them(scores: dict[str, dict[str, Spread] | None]) -> str:
    """Say the accuracies by ablation; nothing where leaving the sentences out leaves no other."""
    told = [
        f"{name} {number('accuracy', found['accuracy'].mean)}"
        for name, found in scores.items()
        if found is not None
    ]
    return f"; test accuracy without them: {', '.join(told)}" if told else ""


def _transfer(comparison: Comparison) -> list[str]:
    return [
        f"{found.title}: {found.shared_with_train:,} that train holds, or nearly, were taken out first."
        for found in comparison.transfer.values()
        if found.shared_with_train
    ]
