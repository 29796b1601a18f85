"""Who speaks in the frames of a step, by hand."""

import numpy as np
import pytest

from diarbook.networks.powerset import POWERSET
from diarbook.streaming import StreamSettings
from diarbook.streaming.cache import UNDECIDED
from diarbook.streaming.decider import decide
from diarbook.streaming.memory import Grouping
from diarbook.streaming.recent import Chunk, CrowdedVoice, RecentChunks

SETTINGS = StreamSettings()


def seen(*parts, crowded=(), first=0):
    """One chunk of 500 frames; each part is a span and the local speakers who talk in it."""
    posteriors = np.zeros((500, len(POWERSET)), dtype=np.float32)
    posteriors[:, 0] = 1
    for start, end, members in parts:
        posteriors[start - first : end - first] = np.eye(len(POWERSET))[POWERSET.index(members)]
    return RecentChunks((Chunk(first, posteriors, tuple(crowded)),))


def grouping(spans, groups, directions):
    groups = np.array(groups, dtype=int)
    labels = np.full(groups.max(initial=-1) + 2, UNDECIDED)
    return Grouping(groups, labels, np.array(spans, dtype=int).reshape(-1, 2), np.array(directions, dtype=float))


def runs(active):
    return np.flatnonzero(np.diff(np.pad(active.astype(int), 1))).reshape(-1, 2).tolist()


def near(active, *expected):
    """Whether the runs of a column are those, within the smoothing."""
    assert np.array(runs(active)) == pytest.approx(np.array(expected), abs=3)


TWO = ((100, 200, (0,)), (200, 300, (0, 1)), (300, 400, (0,)))


def test_nobody_where_nothing_is_known():
    chosen = decide(seen(*TWO), grouping([], [], np.zeros((0, 1))), 0, 450, SETTINGS)
    assert chosen.shape == (450, 1)
    assert not chosen.any()


def test_a_stretch_speaks_for_its_group():
    known = grouping([(100, 200), (430, 480)], [0, 1], [[2, 0], [0, 1]])
    chosen = decide(seen((100, 200, (0,)), (430, 480, (2,))), known, 50, 450, SETTINGS)
    near(chosen[:, 0], [50, 150])
    near(chosen[:, 1], [380, 400])
    assert not chosen[:, 2].any()


def test_somebody_who_talks_over_the_only_one_known_is_an_unknown_speaker_however_alike():
    known = grouping([(100, 200), (300, 400)], [0, 0], [[2, 0], [2, 0]])
    voice = CrowdedVoice(1, np.array([1.0, 0.0]), 1.7)
    chosen = decide(seen(*TWO, crowded=[voice]), known, 0, 500, SETTINGS)
    near(chosen[:, 0], [100, 400])
    near(chosen[:, 1], [200, 300])


def test_a_crowded_voice_is_whom_it_may_be_and_not_whom_it_is_most_like():
    known = grouping([(100, 200), (300, 400), (600, 700)], [0, 0, 1], [[2, 0], [2, 0], [0, 1]])
    voice = CrowdedVoice(1, np.array([0.8, 0.6]), 1.7)  # more like group 0, over whom it talks
    later = seen((300, 400, (0,)), (600, 700, (2,)), first=300)
    chunks = RecentChunks(seen(*TWO, crowded=[voice]).chunks + later.chunks)
    chosen = decide(chunks, known, 0, 500, SETTINGS)
    near(chosen[:, 0], [100, 400])
    near(chosen[:, 1], [200, 300])
    # A chunk that hears the two in stretches of their own knows that they are two people: an unknown one is left.
    apart = decide(
        seen(*TWO, (430, 480, (2,)), crowded=[voice]),
        grouping([(100, 200), (300, 400), (430, 480)], [0, 0, 1], [[2, 0], [2, 0], [0, 1]]),
        0,
        500,
        SETTINGS,
    )
    near(apart[:, 2], [200, 300])


def test_frames_count_from_the_start_of_the_stream():
    known = grouping([(1100, 1200)], [0], [[1, 0]])
    chosen = decide(seen((1100, 1200, (0,)), first=1000), known, 1050, 1450, SETTINGS)
    near(chosen[:, 0], [50, 150])
