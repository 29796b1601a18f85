"""The speaker cache: labels that groups keep, bounds that hold, and nothing lost in merging."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.clustering.constrained import MergeRule
from diarbook.errors import OptionError
from diarbook.streaming import SpeakerCache, StreamSettings
from diarbook.streaming.cache import UNDECIDED, kept_labels


def test_kept_labels_by_hand():
    # Group 0 holds 5 s of label 7 and 4 s of label 3; group 1 holds 3 s of label 7; group 2 is new.
    groups = np.array([0, 0, 1, 2])
    labels = np.array([7, 3, 7, UNDECIDED])
    seconds = np.array([5.0, 4.0, 3.0, 9.0])
    # 4 s of label 3 and 3 s of label 7 are 7 s; giving 7 to group 0 keeps 5 s only.
    assert kept_labels(groups, labels, seconds).tolist() == [3, 7, UNDECIDED]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3), st.integers(1, 9)), min_size=1, max_size=12))
def test_kept_labels_keeps_as_many_seconds_as_can_be(rows):
    _, groups = np.unique([row[0] for row in rows], return_inverse=True)
    labels, seconds = np.array([row[1] for row in rows]), np.array([float(row[2]) for row in rows])
    result = kept_labels(groups, labels, seconds)
    given_ = [label for label in result if label != UNDECIDED]
    assert len(set(given_)) == len(given_)

    def kept(assignment):
        return seconds[(labels >= 0) & (np.array(assignment)[groups] == labels)].sum()

    names = [*range(4), *[-1] * len(result)]
    best = max(kept(choice) for choice in itertools.permutations(names, len(result))) if len(result) < 4 else None
    if best is not None:
        assert kept(result) == best


def filled(generator, count=30, voices=3, points=6, max_speakers=10):
    cache = SpeakerCache(MergeRule(), 1.0, points, max_speakers)
    labels = generator.integers(voices, size=count)
    units = np.eye(8)[labels] + 0.1 * generator.normal(size=(count, 8))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cache.add(units, generator.uniform(0.5, 2, count), np.arange(count), labels)
    return cache


@pytest.mark.parametrize("seed", range(5))
def test_merging_loses_nothing(seed):
    cache = filled(np.random.default_rng(seed))
    before = cache.speakers()
    moved = cache.shrink(25)
    after = cache.speakers()
    assert cache.old == 6
    assert len(cache) == 6 + 5
    assert before.keys() == after.keys()
    for label in before:
        np.testing.assert_allclose(after[label][0], before[label][0])
        assert after[label][1] == pytest.approx(before[label][1])
    # Every stretch can be followed to a point of its own label.
    for number in range(30):
        while number in moved:
            number = moved[number]
        assert number in cache.stretches


def test_merging_keeps_what_chunks_said():
    cache = filled(np.random.default_rng(1), count=12)
    table = np.triu(np.random.default_rng(2).normal(size=(12, 12)), 1)
    cache.link(np.arange(12), table + table.T, np.abs(table + table.T))
    recent = cache.agreement[10:, :10].sum()
    cache.shrink(10)
    assert cache.agreement[cache.old :, : cache.old].sum() == pytest.approx(recent)
    assert np.diag(cache.agreement).tolist() == [0.0] * len(cache)


def test_the_least_heard_is_forgotten():
    cache = SpeakerCache(MergeRule(), 1.0, 10, 2)
    cache.add(np.eye(4), np.array([5.0, 1.0, 3.0, 0.5]), np.arange(4), np.array([0, 1, 2, 3]))
    cache.shrink(3)  # label 3 speaks now
    assert sorted(cache.speakers()) == [0, 3]


def test_undecided_points_of_old_are_dropped():
    cache = SpeakerCache(MergeRule(), 1.0, 10, 9)
    cache.add(np.eye(3), np.ones(3), np.arange(3), np.array([0, UNDECIDED, UNDECIDED]))
    cache.shrink(2)
    assert cache.labels.tolist() == [0, UNDECIDED]
    assert cache.stretches.tolist() == [0, 2]


def test_one_point_a_speaker_is_incremental_clustering():
    cache = filled(np.random.default_rng(4), points=1)
    cache.shrink(30)
    assert len(cache) == 3


def test_grouping_keeps_labels_and_sees_extra_points():
    cache = filled(np.random.default_rng(5), count=9)
    extra = np.eye(8)[[0, 7]]
    groups, labels = cache.cluster(
        extra, np.full(2, 2.0), np.full(2, UNDECIDED), np.zeros((11, 11)), np.zeros((11, 11))
    )
    assert labels[groups[:9]].tolist() == cache.labels.tolist()
    assert labels[groups[9]] == 0
    assert labels[groups[10]] == UNDECIDED


@given(st.floats(0.5, 10.0))
def test_step_and_look_ahead_make_the_latency(latency):
    chosen = StreamSettings(latency=latency)
    frames = (chosen.step_frames + chosen.look_ahead_frames) * 270 / 16_000
    assert latency - 0.02 < frames <= latency
    assert chosen.look_ahead >= 0.2 - 0.02


@pytest.mark.parametrize(
    "wrong",
    [{"latency": 0.4}, {"latency": 11}, {"latency": float("nan")}, {"latency": 1.0, "step": 0.9}, {"points": 0},
     {"max_speakers": 0}, {"guard": 9.0}, {"longest_turn": 0.0}, {"smoothing": 1.0}],
)  # fmt: skip
def test_parameters_out_of_range(wrong):
    with pytest.raises(OptionError, match=list(wrong)[-1]):
        StreamSettings(**wrong)
