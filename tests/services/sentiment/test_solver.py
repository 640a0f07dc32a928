"""The solver reaches the optimum of a linear support vector machine, the same way every time."""

from __future__ import annotations

import numpy as np
import pytest

from services.sentiment.solver import Vector, train


@pytest.fixture(scope="module")
def problem() -> tuple[list[Vector], np.ndarray, np.ndarray]:
    """200 sparse texts over 40 buckets with two labels, not quite separable."""
    random = np.random.default_rng(7)
    truth = random.normal(size=(40, 2))
    dense = random.random((200, 40)) * (random.random((200, 40)) < 0.2)
    signs = np.where(dense @ truth + 0.3 * random.normal(size=(200, 2)) > 0, 1, -1).astype(np.int8)
    vectors = [Vector(np.flatnonzero(row), row[np.flatnonzero(row)]) for row in dense]
    return vectors, signs, dense


def test_it_finds_what_liblinear_finds(problem: tuple[list[Vector], np.ndarray, np.ndarray]) -> None:
    from sklearn.svm import LinearSVC

    vectors, signs, dense = problem
    weights, bias = train(vectors, signs, np.full(signs.shape, 2.0), 40, epochs=400)
    for label in range(2):
        peer = LinearSVC(C=2.0, tol=1e-8, max_iter=100_000).fit(dense, signs[:, label])
        assert weights[:, label] == pytest.approx(peer.coef_[0], abs=1e-3)
        assert bias[label] == pytest.approx(peer.intercept_[0], abs=1e-3)


def test_training_again_gives_the_same_bits(problem: tuple[list[Vector], np.ndarray, np.ndarray]) -> None:
    vectors, signs, _ = problem
    runs = [train(vectors, signs, np.ones(signs.shape), 40, epochs=5) for _ in range(2)]
    assert runs[0][0].tobytes() == runs[1][0].tobytes()
    assert runs[0][1].tobytes() == runs[1][1].tobytes()


def test_a_text_without_cost_teaches_nothing(problem: tuple[list[Vector], np.ndarray, np.ndarray]) -> None:
    vectors, signs, _ = problem
    costs = np.ones(signs.shape)
    costs[50:, 0] = 0
    weights, _ = train(vectors, signs, costs, 40, epochs=300)
    without, _ = train(vectors[:50], signs[:50], costs[:50], 40, epochs=300)
    assert weights[:, 0] == pytest.approx(without[:, 0], abs=1e-6)
    assert weights[:, 1] != pytest.approx(without[:, 1], abs=1e-2)
