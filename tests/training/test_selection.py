import numpy as np
import pytest

from finesent.training.selection import DevScores, dev_scores, is_collapsed


def test_scores_of_a_known_case() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]))
    labels = np.array([0, 1, 1, 2])
    scores = dev_scores(labels, logits.astype(np.float32))
    assert scores.accuracy == 0.75
    # F1 by hand: class 0 has 2/3, class 1 has 2/3, class 2 has 1.
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert scores.loss == pytest.approx(-np.log([0.7, 0.6, 0.25, 0.6]).mean(), abs=1e-6)


def test_huge_logits_do_not_overflow() -> None:
    scores = dev_scores(np.array([0, 1]), np.array([[1e4, -1e4], [1e4, -1e4]], dtype=np.float32))
    assert np.isfinite(scores.loss)


@pytest.mark.parametrize(
    ("select", "value"), [("accuracy", 0.5), ("macro-f1", 0.4), ("accuracy+macro-f1", 0.9), ("loss", -1.5)]
)
def test_what_is_maximised(select: str, value: float) -> None:
    assert DevScores(accuracy=0.5, macro_f1=0.4, loss=1.5).by(select) == pytest.approx(value)


def test_collapse_is_two_points_above_the_majority() -> None:
    labels = np.array([0] * 30 + [1] * 70)
    assert is_collapsed(0.70, labels)
    assert is_collapsed(0.719, labels)
    assert not is_collapsed(0.721, labels)
