"""What a live diarizer remembers: stretches until they are settled, labels for as long as they are committed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.networks.powerset import POWERSET
from diarbook.streaming import StreamSettings
from diarbook.streaming.cache import UNDECIDED
from diarbook.streaming.memory import Memory
from diarbook.streaming.recent import Chunk, RecentAudio, RecentChunks, frame_at, frame_time, span_seconds
from diarbook.streaming.stretches import ProvisionalStretches, StretchPlan, plan_stretches
from diarbook.streaming.turn import StreamTurn

SETTINGS = StreamSettings()
FRAME = 270 / 16_000


def chunk(first, *speech, frames=500):
    """A chunk in which one local speaker talks within these spans of the stream's frames."""
    posteriors = np.zeros((frames, len(POWERSET)), dtype=np.float32)
    posteriors[:, 0] = 1
    for start, end, local in speech:
        posteriors[start - first : end - first] = np.eye(len(POWERSET))[1 + local]
    return Chunk(first, posteriors)


def recent(*chunks):
    result = RecentChunks()
    for one in chunks:
        result = result.add(one, 0.0, 0)
    return result


# ------------------------------------------------------------ sound and chunks


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(0, 900), st.integers(0, 60))
def test_recent_audio_is_the_last_of_all_that_was_heard(sizes, first, length):
    audio, whole = RecentAudio(capacity=50), np.arange(2000, dtype=np.float32)
    at = 0
    for size in sizes:
        audio.append(whole[at : at + size])
        at += size
    first = max(first % max(at, 1), at - 50)
    np.testing.assert_array_equal(audio.get(first, first + length), whole[first : min(first + length, at)])
    assert (audio.heard, audio.nbytes) == (at, 400)


def test_frames_and_seconds():
    assert frame_time(0) == pytest.approx((991 - 270) / 2 / 16_000)
    assert [frame_at(16_000 * 10), frame_at(round(16_000 * frame_time(7)) + 1)] == [591, 7]
    np.testing.assert_allclose(span_seconds(np.array([[0, 10], [5, 6]])), [10 * FRAME, FRAME])


def test_chunks_are_held_as_long_as_a_frame_of_theirs_matters():
    held = recent(chunk(0), chunk(300), chunk(1000))
    assert [one.first for one in held.chunks] == [0, 300, 1000]
    assert (held.first, held.end, held.looks, len(held)) == (0, 1500, 3, 3)
    # The newest 10 s begin at frame 2000 + 500 - 592, and frames before 1700 are decided: only the last two are needed.
    later = held.add(chunk(2000), 0.0, decided=1700)
    assert [one.first for one in later.chunks] == [2000]
    assert [one.first for one in held.add(chunk(1600), 0.0, decided=1300).chunks] == [1000, 1600]
    assert [one.first for one in held.since(500).chunks] == [300, 1000]
    assert [one.first for one in held.add(chunk(0, frames=589), 0.0, 0).chunks] == [0]  # the first full chunk


# ------------------------------------------------------------ stretches


def test_a_stretch_is_ready_once_the_guard_has_passed():
    held = recent(chunk(0, (100, 160, 0), (300, 480, 0)))
    plan = plan_stretches(held, 0, 400, False, SETTINGS)
    assert plan.ready == ((100, 160), (300, 418))  # of the long one the first two seconds, 118 frames
    assert plan.provisional == ((418, 480),)
    assert plan.settled == 418
    again = plan_stretches(held, plan.settled, 400, False, SETTINGS)
    assert (again.ready, again.provisional) == ((), ((418, 480),))
    final = plan_stretches(held, plan.settled, 400, True, SETTINGS)
    assert (final.ready, final.provisional, final.settled) == (((418, 480),), (), 480)


def test_stretches_far_beyond_what_is_decided_can_wait():
    held = recent(chunk(0, (450, 490, 0)))
    assert plan_stretches(held, 0, 421, False, SETTINGS).provisional == ((450, 490),)
    assert plan_stretches(held, 0, 420, False, SETTINGS).provisional == ()


def test_a_stretch_that_grew_a_little_keeps_its_embedding():
    first, second = np.array([3.0, 4.0], np.float32), np.array([0.0, 2.0], np.float32)
    held = ProvisionalStretches().updated([(100, 140)], {(100, 140): first})
    np.testing.assert_allclose(held.units, [[0.6, 0.8]])
    assert held.without_embedding([(102, 158), (100, 165), (120, 140)]) == [(100, 165), (120, 140)]
    grown = held.updated([(102, 158)], {})
    assert grown.spans.tolist() == [[102, 158]]
    np.testing.assert_allclose(grown.units, [[0.6, 0.8]])
    anew = held.updated([(100, 165)], {(100, 165): second})
    np.testing.assert_allclose(anew.units, [[0.0, 1.0]])
    assert (len(anew), anew.nbytes) == (1, 8)
    unknown = held.updated([(300, 310)], {(300, 310): np.full(2, np.nan)})
    assert (unknown.spans.shape, len(unknown)) == ((0, 2), 1)  # it is not embedded again, and has no say
    assert len(held) == 1  # a value: nothing that was made of it changed it


# ------------------------------------------------------------ labels


def remembering(spans, vectors, provisional=(), settled=None):
    memory = Memory(SETTINGS)
    add(memory, spans, vectors, provisional, settled)
    return memory


def add(memory, spans, vectors, provisional=(), settled=None):
    settled = spans[-1][1] if settled is None else settled
    fresh = {span: np.array(vector) for span, vector in provisional}
    held = memory.provisional.updated([span for span, _ in provisional], fresh)
    memory.add(StretchPlan(tuple(spans), tuple(fresh), settled), np.array(vectors, dtype=float).reshape(-1, 2), held)


def speaking(grouping, groups, frames=100):
    chosen = np.zeros((frames, len(grouping.labels)), dtype=bool)
    for order, group in enumerate(groups):
        chosen[10 * order :, group] = True
    return chosen


def test_labels_are_numbered_by_who_is_heard_first_and_then_stay():
    memory = remembering([(0, 110), (120, 230)], [[1, 0], [0, 1]])
    grouping = memory.group(recent(chunk(0)))
    assert grouping.labels.tolist() == [UNDECIDED] * 3
    labels = memory.commit(grouping, speaking(grouping, [1, 0]), 500)
    assert labels.tolist() == [1, 0, UNDECIDED]
    add(memory, [(300, 400)], [[1, 0.02]])
    later = memory.group(recent(chunk(0)))
    assert later.labels[later.groups].tolist() == [1, 0, 1]
    assert memory.commit(later, speaking(later, [0, 1]), 500).tolist() == [1, 0, UNDECIDED]
    assert memory.labels == {0, 1}
    assert memory.labels_now(later) == {0: 1, 1: 0, 2: 1}
    total, seconds = memory.speakers()[1]
    assert seconds == pytest.approx(210 * FRAME)
    np.testing.assert_allclose(total / np.linalg.norm(total), [1, 0.01], atol=0.001)


def test_a_stretch_keeps_the_label_under_which_its_beginning_was_emitted():
    memory = remembering([(0, 110)], [[1, 0]], provisional=[((400, 470), [0, 1])])
    grouping = memory.group(recent(chunk(0)))
    labels = memory.commit(grouping, speaking(grouping, [0, 1]), 420)
    assert labels.tolist() == [0, 1, UNDECIDED]
    # It grew, was settled, and is now like the other voice: what was said of its beginning holds for all of it.
    add(memory, [(405, 490)], [[1, 0]])
    assert memory.speakers()[1][1] == pytest.approx(85 * FRAME)


def test_a_stretch_that_has_not_begun_is_not_committed():
    memory = remembering([(0, 110)], [[1, 0]], provisional=[((400, 470), [0, 1])])
    grouping = memory.group(recent(chunk(0)))
    memory.commit(grouping, speaking(grouping, [0]), 300)
    add(memory, [(400, 470)], [[0, 1]])
    assert memory.speakers().keys() == {0}


def test_who_was_heard_over_others_keeps_the_number_when_first_alone():
    memory = remembering([(0, 110)], [[1, 0]])
    grouping = memory.group(recent(chunk(0)))
    labels = memory.commit(grouping, speaking(grouping, [0, 1]), 200)  # the last group: nobody of the cache
    assert labels.tolist() == [0, 1]
    add(memory, [(300, 410)], [[0, 1]])
    alone = memory.group(recent(chunk(0)))
    assert alone.labels.tolist() == [0, UNDECIDED, 1]
    assert memory.commit(alone, speaking(alone, [1]), 500).tolist() == [0, 1, 1]
    add(memory, [(450, 480)], [[0.7, -0.7]])
    assert memory.group(recent(chunk(0))).labels[-1] == UNDECIDED  # the next such person is somebody else


def test_a_turn_is_represented_by_the_stretch_of_its_speaker_that_fills_it_most():
    memory = remembering([(0, 110), (120, 230), (240, 260)], [[1, 0], [0, 1], [1, 0]])
    grouping = memory.group(recent(chunk(0)))
    memory.commit(grouping, speaking(grouping, [0, 1]), 500)

    def turn(first, last, number):
        return StreamTurn(
            frame_time(first), frame_time(last), f"SPEAKER_{number:02d}", number, None, np.nan, 9.0, number=0
        )

    assert memory.representative(turn(80, 260, 0)) == 0
    assert memory.representative(turn(105, 260, 0)) == 2
    assert memory.representative(turn(90, 260, 1)) == 1
    assert memory.representative(turn(0, 100, 1)) == -1
    assert Memory(SETTINGS).representative(turn(0, 100, 1)) == -1
    # Once no chunk sees it any more, a stretch represents nothing; its point stays.
    assert memory.shrink(recent(chunk(1000)), 1400) == {}
    assert memory.representative(turn(90, 260, 0)) == -1
    assert memory.sizes["points"] == 3


def test_chunks_keep_two_alike_stretches_of_two_people_apart():
    memory = remembering([(10, 110), (120, 230)], [[1, 0.65], [1, -0.65]])
    same = memory.group(recent(chunk(0, (10, 230, 0))))
    assert len(set(same.groups.tolist())) == 1
    other = remembering([(10, 110), (120, 230)], [[1, 0.65], [1, -0.65]])
    apart = other.group(recent(chunk(0, (10, 110, 0), (120, 230, 1))))
    assert len(set(apart.groups.tolist())) == 2
    # What the chunks said is kept for when they are gone.
    assert len(set(other.group(recent(chunk(600))).groups.tolist())) == 2
