from __future__ import annotations

import numpy as np
import pytest

from offspec.detectors.coreset import CANDIDATES, PICKS, k_centre, neighbours
from offspec.types import FloatArray


def vectors(count: int, seed: int = 0, dimensions: int = 6) -> FloatArray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, dimensions)).astype(np.float32)


def slow_k_centre(given: FloatArray, count: int) -> list[int]:
    """The plain method: one pass over all vectors for each that is taken."""
    exact = given.astype(np.float64)
    taken = [0]
    nearest = np.square(exact - exact[0]).sum(axis=1)
    while len(taken) < count:
        nearest[taken] = -1
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.square(exact - exact[taken[-1]]).sum(axis=1))
    return taken


def cover(given: FloatArray, taken: FloatArray) -> float:
    """How far the vector that is covered worst lies from all taken."""
    away = given[:, None].astype(np.float64) - taken[None]
    return float(np.square(away).sum(axis=2).min(axis=1).max())


# -- greedy k-centre ---------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("n", "count"),
    [
        (2, 2),
        (60, 20),
        (CANDIDATES, 300),
        (CANDIDATES + 1, 300),
        (3 * CANDIDATES, 2 * PICKS + 40),
    ],
)
def test_the_choice_is_that_of_the_plain_greedy_method(n: int, count: int, seed: int) -> None:
    given = vectors(n, seed)
    assert k_centre(given, count).tolist() == slow_k_centre(given, count)


def test_far_clusters_are_all_found_although_few_vectors_are_taken() -> None:
    centres = 50 * vectors(12, 1)
    given = np.repeat(centres, 200, axis=0) + vectors(2400, 2)
    taken = k_centre(given, 12)
    assert sorted(taken // 200) == list(range(12))


def test_the_first_vector_is_the_start() -> None:
    given = vectors(50)
    assert k_centre(given, 1).tolist() == [0]
    assert k_centre(given, 10)[0] == 0


@pytest.mark.parametrize("n", [1, 7, CANDIDATES + 200])
@pytest.mark.parametrize("more", [0, 5])
def test_asked_for_as_many_as_there_are_or_more_it_takes_each_once(n: int, more: int) -> None:
    taken = k_centre(vectors(n), n + more)
    assert taken[0] == 0
    assert sorted(taken.tolist()) == list(range(n))


@pytest.mark.parametrize("different", [40, CANDIDATES + 100])
def test_of_duplicates_one_is_taken_before_any_is_taken_twice(different: int) -> None:
    """Whole numbers, so that duplicates are at distance 0 exactly."""
    rng = np.random.default_rng(3)
    codes = rng.choice(9**4, different, replace=False)
    unique = np.stack([codes // 9**at % 9 for at in range(4)], axis=1).astype(np.float32)
    given = np.concatenate([unique, unique, unique])
    taken = k_centre(given, different + 5)
    assert len(set((taken[:different] % different).tolist())) == different
    assert len(set(taken.tolist())) == different + 5


def test_of_vectors_that_are_all_equal_none_is_taken_twice() -> None:
    taken = k_centre(np.ones((30, 4), np.float32), 9)
    assert taken[0] == 0
    assert len(set(taken.tolist())) == 9


def test_vectors_far_from_zero_are_covered_nearly_as_well_as_near_it() -> None:
    """Squared distances come from squared lengths, which rounds where lengths are large."""
    given = vectors(1500, 4)
    near = cover(given, given[k_centre(given, 200)])
    far = cover(given, given[k_centre(given + 100, 200)])
    assert far < 1.1 * near


def test_the_same_vectors_give_the_same_choice_and_are_left_alone() -> None:
    given = vectors(2000, 5)
    before = given.copy()
    given.flags.writeable = False
    assert np.array_equal(k_centre(given, 400), k_centre(given.copy(), 400))
    assert np.array_equal(given, before)


def test_progress_rises_to_what_was_asked() -> None:
    told: list[tuple[str, int, int]] = []
    count = 2 * PICKS + 10
    k_centre(vectors(2500), count, lambda step, done, total: told.append((step, done, total)))
    done = [at for _, at, _ in told]
    assert {(step, total) for step, _, total in told} == {("coreset", count)}
    assert done == sorted(set(done))
    assert done[-1] == count
    assert len(done) >= 3


# -- neighbours --------------------------------------------------------------


@pytest.mark.parametrize(("n", "count"), [(1, 1), (40, 1), (40, 9), (40, 40), (2500, 9)])
def test_neighbours_are_those_of_brute_force(n: int, count: int) -> None:
    given = vectors(n, 6)
    exact = given.astype(np.float64)
    found = neighbours(given, count)
    assert found.shape == (n, count)
    for at in range(0, n, max(n // 50, 1)):
        away = np.square(exact - exact[at]).sum(axis=1)
        assert found[at].tolist() == np.argsort(away, kind="stable")[:count].tolist()


def test_each_vector_is_its_own_first_neighbour() -> None:
    assert neighbours(vectors(300, 7), 4)[:, 0].tolist() == list(range(300))


def test_no_more_neighbours_than_there_are_vectors() -> None:
    found = neighbours(vectors(5), 9)
    assert found.shape == (5, 5)
    assert all(sorted(row) == [0, 1, 2, 3, 4] for row in found.tolist())


def test_duplicates_are_among_the_first_neighbours() -> None:
    unique = np.arange(24, dtype=np.float32).reshape(6, 4)
    found = neighbours(np.concatenate([unique, unique]), 2)
    assert all(set(row) == {at % 6, at % 6 + 6} for at, row in enumerate(found.tolist()))
