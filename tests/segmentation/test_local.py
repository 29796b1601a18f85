"""What chunks agree on, against the definitions written as loops."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diarbook.networks.powerset import POWERSET
from diarbook.segmentation.local import (
    change_frames,
    change_votes,
    crowded_links,
    crowded_speakers,
    equal_parts,
    lone_runs,
    lone_stretches,
    occupancy,
    spans_of_activity,
    speakers_talking_over,
    stretch_links,
)
from diarbook.segmentation.scores import ChunkScores, powerset_to_multilabel

STEP = 0.05
FRAMES = 40  # of a chunk: 2 s


def scores_of(chunks, hop=20):
    """Scores from the sets of local speakers of each frame of each chunk, such as ``[(), (0,), (0, 1)]``."""
    index = {members: row for row, members in enumerate(POWERSET)}
    posteriors = np.zeros((len(chunks), len(chunks[0]), len(POWERSET)), dtype=np.float32)
    for chunk, frames in enumerate(chunks):
        for frame, members in enumerate(frames):
            posteriors[chunk, frame, index[tuple(members)]] = 1
    scores = ChunkScores(posteriors, np.arange(len(chunks)) * hop * STEP, STEP, STEP)
    return scores, powerset_to_multilabel(posteriors)


def random_chunks(seed, count=4):
    """Chunks of random runs of random sets of speakers."""
    generator = np.random.default_rng(seed)
    chunks = []
    for _ in range(count):
        frames = []
        while len(frames) < FRAMES:
            frames += [POWERSET[generator.integers(len(POWERSET))]] * int(generator.integers(3, 16))
        chunks.append(frames[:FRAMES])
    return scores_of(chunks)


@given(st.lists(st.booleans(), max_size=40))
@example([True])
@example([])
def test_spans_are_the_runs_of_a_loop(active):
    expected, start = [], None
    for frame, on in enumerate([*active, False]):
        if on and start is None:
            start = frame
        if not on and start is not None:
            expected.append([start, frame])
            start = None
    assert spans_of_activity(np.array(active, dtype=float)).tolist() == expected


def test_a_change_needs_votes_of_the_chunks_that_see_it():
    # The first chunk hears 0 then 1; the second sees the same moment and hears one voice only.
    chunks = [[(0,)] * 30 + [(1,)] * 10, [(2,)] * 40]
    scores, activity = scores_of(chunks)
    votes = change_votes(scores, activity)
    assert votes[30] == pytest.approx(0.5)
    assert np.count_nonzero(votes) == 1
    assert change_frames(votes, share=0.4).tolist() == [30], "the middle of the plateau, where the vote was cast"
    assert change_frames(votes, share=0.6).size == 0


def test_changes_keep_their_distance_and_the_stronger_one_stays():
    votes = np.zeros(60)
    votes[20], votes[26], votes[45] = 0.5, 0.9, 0.4
    frames = change_frames(votes, share=0.35, width=1, apart=12)
    assert frames.tolist() == [26, 45]


def test_runs_are_cut_at_changes_and_hold_one_voice():
    scores, activity = scores_of([[()] * 5 + [(0,)] * 15 + [(1,)] * 15 + [(0, 1)] * 5], hop=40)
    runs = lone_runs(scores, activity)
    assert runs.tolist() == [[5, 20], [20, 35]]


def test_a_short_pause_does_not_end_a_run_but_overlap_does():
    scores, activity = scores_of([[(0,)] * 10 + [()] * 2 + [(0,)] * 10 + [(0, 1)] * 2 + [(0,)] * 16], hop=40)
    assert lone_runs(scores, activity, fill=0.1).tolist() == [[0, 22], [24, 40]]


@given(st.integers(0, 500), st.integers(1, 400), st.floats(0.3, 3.0), st.floats(0.1, 0.3))
@settings(max_examples=200, deadline=None)
def test_parts_cover_a_run_and_none_is_longer_than_asked(first, frames, longest, shortest):
    parts = equal_parts(first, first + frames, longest, shortest, STEP)
    if frames * STEP < shortest:
        assert parts == []
        return
    edges = [first, *(stop for _, stop in parts)]
    assert [start for start, _ in parts] == edges[:-1]
    assert edges[-1] == first + frames
    lengths = [stop - start for start, stop in parts]
    assert max(lengths) * STEP <= longest + STEP
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_stretches_are_sorted_disjoint_and_hold_one_voice_for_most_chunks(seed):
    scores, activity = random_chunks(seed)
    stretches = lone_stretches(scores, activity, longest=0.5, shortest=0.1)
    assert (np.diff(stretches.ravel()) >= 0).all()
    overlap = scores.aggregate((activity > 0.5).sum(axis=-1) >= 2)
    for first, last in stretches:
        assert (overlap[first:last] < 0.4).all()


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_crowded_speakers_are_those_of_the_definition_in_every_so_many_chunks(seed, every):
    scores, activity = random_chunks(seed, count=6)
    expected = []
    for chunk in range(len(activity)):
        if chunk % every and chunk != len(activity) - 1:
            continue
        for local in range(3):
            active = activity[chunk, :, local] > 0.5
            alone = active & ((activity[chunk] > 0.5).sum(axis=-1) == 1)
            if alone.sum() * STEP < 0.5 and active.sum() * STEP >= 0.4:
                expected.append([chunk, local])
    assert crowded_speakers(scores, activity, every=every).tolist() == expected


def test_occupancy_is_the_mean():
    activity = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    spans = np.array([[0, 5], [3, 20]])
    expected = [activity[first:last].mean(axis=0) for first, last in spans]
    np.testing.assert_allclose(occupancy(activity, spans), expected, atol=1e-6)


def defined_links(scores, activity, stretches):
    """Agreement and evidence as the docstrings define them: verdicts averaged over the chunks that see both."""
    count = len(stretches)
    verdicts = {}
    for chunk, first in enumerate(scores.first_frames):
        shares = {}
        for item, (start, stop) in enumerate(stretches):
            if start >= first and stop <= first + activity.shape[1]:
                share = activity[chunk, start - first : stop - first].mean(axis=0)
                if share.max() > 0.3:
                    shares[item] = share / share.sum()
        for one in shares:
            for other in shares:
                if one < other:
                    verdicts.setdefault((one, other), []).append(2 * (shares[one] * shares[other]).sum() - 1)
    agreement, evidence = np.zeros((count, count)), np.zeros((count, count))
    seconds = np.diff(stretches, axis=1)[:, 0] * scores.frame_step
    for (one, other), values in verdicts.items():
        weight = np.sqrt(seconds[one] * seconds[other])
        agreement[one, other] = agreement[other, one] = weight * np.mean(values)
        evidence[one, other] = evidence[other, one] = weight
    return agreement, evidence


@pytest.mark.parametrize("seed", range(6))
def test_links_of_stretches_are_means_over_chunks(seed):
    scores, activity = random_chunks(seed, count=5)
    stretches = lone_stretches(scores, activity, longest=0.4, shortest=0.1)
    links = stretch_links(scores, activity, stretches)
    agreement, evidence = defined_links(scores, activity, stretches)
    np.testing.assert_allclose(links.agreement.toarray(), agreement, atol=1e-5)
    np.testing.assert_allclose(links.evidence.toarray(), evidence, atol=1e-5)


def test_two_chunks_that_say_the_same_say_it_once():
    # Both chunks see frames 20 to 40 and hear two voices there: the verdict is -1, not -2.
    chunks = [[()] * 20 + [(0,)] * 10 + [(1,)] * 10, [(1,)] * 10 + [(2,)] * 10 + [()] * 20]
    scores, activity = scores_of(chunks)
    links = stretch_links(scores, activity, np.array([[20, 30], [30, 40]]))
    assert links.evidence[0, 1] == pytest.approx(0.5)
    assert links.agreement[0, 1] == pytest.approx(-0.5)


def test_links_of_a_crowded_speaker_by_hand():
    # In its one chunk 0 talks alone, then 0 and 1 together, then 1 and 2 together: 2 is crowded.
    chunks = [[(0,)] * 20 + [(0, 1)] * 10 + [(1, 2)] * 10]
    scores, activity = scores_of(chunks, hop=40)
    stretches = np.array([[0, 10], [10, 20]])
    links = crowded_links(scores, activity, np.array([[0, 2], [0, 0]]), stretches)
    assert links.evidence.toarray() == pytest.approx(np.full((2, 2), 0.5))
    assert links.agreement.toarray() == pytest.approx(np.array([[-0.5, -0.5], [0.5, 0.5]]))
    member = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert speakers_talking_over(links, member).tolist() == [[True, False], [False, False]]


def test_no_crowded_speakers_have_no_links():
    scores, activity = scores_of([[(0,)] * 40])
    links = crowded_links(scores, activity, np.zeros((0, 2), dtype=int), np.array([[0, 40]]))
    assert links.evidence.shape == links.agreement.shape == (0, 1)
