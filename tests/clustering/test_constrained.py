"""Clustering with durations and evidence of chunks: by hand, against scipy where they coincide, and at size."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from diarbook.clustering.constrained import (
    MergeRule,
    assign_crowded,
    constrained_agglomerative,
)
from diarbook.errors import OptionError

PLAIN = MergeRule(threshold=0.5, reliability_seconds=1e-9, bonus=0.0, penalty=0.0)


def voices(count, each, spread, seed, dimension=32):
    generator = np.random.default_rng(seed)
    centers = np.linalg.qr(generator.standard_normal((dimension, count)))[0].T
    truth = np.repeat(np.arange(count), each)
    generator.shuffle(truth)
    points = centers[truth] + spread * generator.standard_normal((len(truth), dimension)) / np.sqrt(dimension)
    return points, truth


def same_partition(one, other):
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("seed", range(8))
def test_first_merge_and_two_clusters_as_scipy_finds_them(seed):
    # With equal weights and no evidence this is linkage by the cosine of centroid directions; on well separated
    # voices every linkage ends in the same partition.
    points, truth = voices(4, 12, 0.5, seed)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    theirs = fcluster(linkage(units, "average", metric="cosine"), 4, criterion="maxclust")
    ours = constrained_agglomerative(points, rule=PLAIN, clusters=4)
    assert same_partition(ours, theirs)
    assert same_partition(ours, truth)
    assert same_partition(constrained_agglomerative(points, rule=PLAIN), truth)


def brute_force(points, seconds, agreement, evidence, rule):
    """The definition, recomputed from scratch before every merge."""
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    groups = [[index] for index in range(len(points))]
    while len(groups) > 1:
        best = (-np.inf, 0, 0)
        for one in range(len(groups)):
            for other in range(one + 1, len(groups)):
                left, right = groups[one], groups[other]
                sums = [(units[part] * seconds[part, None]).sum(axis=0) for part in (left, right)]
                cosine = sums[0] @ sums[1] / np.linalg.norm(sums[0]) / np.linalg.norm(sums[1])
                total, weight = agreement[np.ix_(left, right)].sum(), evidence[np.ix_(left, right)].sum()
                verdict = total / weight * min(1, weight / rule.full_evidence) if weight > 0 else 0.0
                reliability = [
                    seconds[part].sum() / (seconds[part].sum() + rule.reliability_seconds) for part in (left, right)
                ]
                margin = cosine - rule.threshold * np.sqrt(np.prod(reliability))
                margin += verdict * (rule.bonus if verdict > 0 else rule.penalty)
                best = max(best, (margin, -one, -other))
        if best[0] < 0:
            break
        one, other = -best[1], -best[2]
        groups[one] += groups.pop(other)
    labels = np.zeros(len(points), dtype=int)
    for number, group in enumerate(groups):
        labels[group] = number
    return labels


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_definition_recomputed_from_scratch(seed):
    generator = np.random.default_rng(100 + seed)
    points, _ = voices(3, 6, 1.2, seed, dimension=8)
    count = len(points)
    seconds = generator.uniform(0.3, 4, count)
    evidence = np.triu(generator.uniform(0, 2, (count, count)) * (generator.random((count, count)) < 0.3), 1)
    agreement = evidence * np.triu(generator.uniform(-1, 1, (count, count)), 1)
    evidence, agreement = evidence + evidence.T, agreement + agreement.T
    rule = MergeRule()
    ours = constrained_agglomerative(points, seconds, agreement, evidence, rule=rule)
    assert same_partition(ours, brute_force(points, seconds, agreement, evidence, rule))


def test_evidence_keeps_apart_what_sounds_alike():
    points = np.array([[1.0, 0.0], [1.0, 0.1]])
    evidence = np.array([[0.0, 5.0], [5.0, 0.0]])
    rule = MergeRule(threshold=0.5, penalty=1.0)
    assert constrained_agglomerative(points, None, evidence, evidence, rule=rule).tolist() == [0, 0]
    assert constrained_agglomerative(points, None, -evidence, evidence, rule=rule).tolist() == [0, 1]


def test_little_speech_lowers_the_threshold():
    points = np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])  # cosine 0.5
    rule = MergeRule(threshold=0.8, reliability_seconds=3.0)
    # r(100 s) = 0.97: 0.5 < 0.8 * 0.97; r(1 s) = 0.25: 0.5 > 0.8 * 0.25
    assert constrained_agglomerative(points, np.array([100.0, 100.0]), rule=rule).tolist() == [0, 1]
    assert constrained_agglomerative(points, np.array([1.0, 1.0]), rule=rule).tolist() == [0, 0]


def test_bounds_win_over_the_rule():
    points, truth = voices(4, 10, 0.4, 3)
    for wanted in (1, 2, 3, 4, 6):
        assert len(set(constrained_agglomerative(points, rule=PLAIN, clusters=wanted).tolist())) == wanted
    assert constrained_agglomerative(points, rule=PLAIN, maximum_speakers=2).max() == 1
    assert constrained_agglomerative(points, rule=PLAIN, minimum_speakers=7).max() == 6
    assert same_partition(constrained_agglomerative(points, rule=PLAIN, maximum_speakers=9), truth)
    assert len(set(constrained_agglomerative(points[:2], rule=PLAIN, clusters=5).tolist())) == 2


def test_small_clusters_join_their_nearest_speaker():
    points = np.array([[1, 0, 0], [1, 0.05, 0], [0, 1, 0], [0, 1, 0.05], [0.3, 0.1, 1.0]])
    seconds = np.array([5, 5, 5, 5, 0.5])
    assert constrained_agglomerative(points, seconds, rule=PLAIN).tolist() == [0, 0, 1, 1, 2]
    assert constrained_agglomerative(points, seconds, rule=PLAIN, minimum_seconds=1).tolist() == [0, 0, 1, 1, 0]
    assert constrained_agglomerative(points, seconds, rule=PLAIN, minimum_seconds=1e9).tolist() == [0, 0, 0, 0, 0]


def test_blocks_find_the_same_speakers():
    points, truth = voices(6, 250, 0.5, 5)
    assert same_partition(constrained_agglomerative(points, rule=PLAIN, block=200), truth)
    assert same_partition(constrained_agglomerative(points, rule=PLAIN, block=40), truth)


def test_blocks_carry_evidence_along():
    points = np.tile([[1.0, 0.0], [1.0, 0.05]], (40, 1))
    parity = np.arange(80) % 2
    near = np.abs(np.arange(80)[:, None] - np.arange(80)[None]) == 1
    evidence = near * 2.0
    agreement = -evidence
    rule = MergeRule(threshold=0.5, penalty=2.0)
    labels = constrained_agglomerative(points, None, agreement, evidence, rule=rule, block=16)
    assert all(labels[index] != labels[index + 1] for index in range(79))
    assert same_partition(labels, parity)


def test_bad_input():
    points, _ = voices(2, 3, 0.1, 0)
    assert constrained_agglomerative(np.zeros((0, 4))).shape == (0,)
    assert constrained_agglomerative(points[:1]).tolist() == [0]
    with pytest.raises(OptionError, match="positive"):
        constrained_agglomerative(points, np.zeros(6))
    with pytest.raises(OptionError, match="shape"):
        constrained_agglomerative(points, None, np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(OptionError, match="finite"):
        constrained_agglomerative(np.full((2, 3), np.nan))
    with pytest.raises(OptionError, match="minimum"):
        constrained_agglomerative(points, minimum_speakers=3, maximum_speakers=2)


def test_assign_crowded_by_hand():
    centroids = np.eye(3)
    embeddings = np.array([[0.9, 0.5, 0.1], [0.8, 0.6, 0.0], [0.1, 0.2, 0.9]])
    excluded = np.array([[True, False, False], [False, False, False], [True, True, True]])
    nothing = np.zeros((3, 3))
    groups, seconds = np.array([0, 1, 2]), np.array([2.0, 1.0, 1.0])
    labels = assign_crowded(embeddings, centroids, nothing, nothing, excluded, groups, seconds)
    assert labels.tolist() == [1, 0, 3]
    # In one group the longer one chooses first; the other takes what is left.
    together = assign_crowded(
        embeddings[:2],
        centroids,
        nothing[:2],
        nothing[:2],
        np.zeros((2, 3), bool),
        np.array([0, 0]),
        np.array([1.0, 2.0]),
    )
    assert together.tolist() == [1, 0]


def test_a_voice_that_nobody_may_own_is_the_most_similar_speaker_when_there_are_no_more():
    voice, centroids = np.array([[0.99, 0.1]]), np.eye(2)
    nothing, everyone = np.zeros((1, 2)), np.ones((1, 2), dtype=bool)
    chunks, seconds = np.array([0]), np.array([1.0])
    arguments = voice, centroids, nothing, nothing, everyone, chunks, seconds
    assert assign_crowded(*arguments).tolist() == [2]
    assert assign_crowded(*arguments, maximum_speakers=3).tolist() == [2]
    assert assign_crowded(*arguments, maximum_speakers=2).tolist() == [0]


def test_two_leftover_voices_of_a_chunk_are_two_speakers_as_long_as_there_are_two():
    voices, centroids = np.array([[0.9, 0.1], [0.8, 0.1], [0.7, 0.1]]), np.eye(2)
    nothing, everyone = np.zeros((3, 2)), np.ones((3, 2), dtype=bool)
    arguments = voices, centroids, nothing, nothing, everyone
    together = assign_crowded(*arguments, np.array([4, 4, 4]), np.array([1.0, 2.0, 0.5]), maximum_speakers=2)
    assert together.tolist() == [1, 0, 0]  # the longest chooses first; the third finds nobody free
    apart = assign_crowded(*arguments, np.array([4, 5, 6]), np.array([1.0, 2.0, 0.5]), maximum_speakers=2)
    assert apart.tolist() == [0, 0, 0]


def test_what_the_chunks_say_moves_a_voice_that_may_be_either():
    voice, centroids, allowed = np.array([[0.75, 0.66]]), np.eye(2), np.zeros((1, 2), dtype=bool)
    arguments = np.array([0]), np.array([1.0])
    evidence = np.array([[2.0, 2.0]])
    neutral = assign_crowded(voice, centroids, 0 * evidence, evidence, allowed, *arguments)
    moved = assign_crowded(voice, centroids, np.array([[-2.0, 0.0]]), evidence, allowed, *arguments)
    assert (neutral.tolist(), moved.tolist()) == ([0], [1])
    # Where everyone is excluded, the chunks have spoken already: what is left is whom the voice is like.
    full = assign_crowded(voice, centroids, np.array([[-2.0, 0.0]]), evidence, ~allowed, *arguments, maximum_speakers=2)
    assert full.tolist() == [0]


def test_nobody_to_choose_from():
    nothing, nobody = np.zeros((1, 0)), np.zeros((1, 0), dtype=bool)
    one = np.array([0]), np.array([1.0])
    assert assign_crowded(np.eye(1), np.zeros((0, 1)), nothing, nothing, nobody, *one, maximum_speakers=1).tolist() == [
        0
    ]
    assert assign_crowded(np.zeros((0, 2)), np.eye(2), nothing.T, nothing.T, nobody.T, *one).tolist() == []


@given(st.integers(0, 10_000), st.sampled_from([None, 2, 3]))
@example(0, 3)
def test_assign_crowded_keeps_its_word(seed, maximum):
    generator = np.random.default_rng(seed)
    count, speakers = int(generator.integers(1, 7)), int(generator.integers(1, 4))
    voices, centroids = generator.normal(size=(count, 4)), np.linalg.qr(generator.normal(size=(4, 4)))[0][:speakers]
    excluded = generator.random((count, speakers)) < 0.6
    chunks, seconds = generator.integers(0, 3, count), generator.permutation(count) + 1.0
    nothing = np.zeros((count, speakers))
    labels = assign_crowded(voices, centroids, nothing, nothing, excluded, chunks, seconds, maximum_speakers=maximum)
    full = maximum is not None and speakers >= maximum
    cosine = voices @ centroids.T
    for item in range(count):
        rivals = labels[(chunks == chunks[item]) & (seconds > seconds[item])]
        free = [k for k in range(speakers) if not excluded[item, k] and k not in rivals]
        open_ = [k for k in range(speakers) if k not in rivals] or list(range(speakers))
        if free:
            assert labels[item] == max(free, key=lambda k: cosine[item, k])
        elif full:
            assert labels[item] == max(open_, key=lambda k: cosine[item, k])
        else:
            assert labels[item] == speakers
