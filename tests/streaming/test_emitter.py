"""Turns as they end: when they are cut, how they are numbered, and what they are called."""

import numpy as np
import pytest

from diarbook.streaming import StreamSettings, StreamTurn
from diarbook.streaming.cache import UNDECIDED
from diarbook.streaming.emitter import Emitter
from diarbook.streaming.recent import frame_time
from diarbook.streaming.turn import CachedSpeaker

LABELS = np.array([4, UNDECIDED, 7])
HEARD = 16_000 * 60


def active(frames, **spans):
    chosen = np.zeros((frames, 3), dtype=bool)
    for group, runs in spans.items():
        for first, last in runs:
            chosen[first:last, "abc".index(group)] = True
    return chosen


def test_a_turn_is_emitted_when_it_ends():
    one = Emitter(StreamSettings())
    assert one.emit(active(100, a=[(10, 100)], c=[(20, 40), (60, 70)]), LABELS, 0, HEARD)[0].start == frame_time(20)
    [open_] = one.speaking(100, HEARD)
    assert (open_.speaker, open_.speaker_number, open_.number) == ("SPEAKER_04", 4, -1)
    assert (open_.start, open_.end) == (frame_time(10), frame_time(100))
    [ended] = one.emit(active(50, a=[(0, 30)]), LABELS, 100, HEARD)
    assert (ended.start, ended.end, ended.number) == (frame_time(10), frame_time(130), 2)
    assert (ended.emitted, ended.name, ended.revision) == (60.0, None, 0)
    assert one.speaking(150, HEARD) == []


def test_a_turn_goes_on_over_steps_under_its_label_and_not_its_group():
    one = Emitter(StreamSettings())
    assert one.emit(active(50, a=[(10, 50)]), LABELS, 0, HEARD) == []
    assert one.emit(active(50, b=[(0, 50)]), np.array([UNDECIDED, 4, 7]), 50, HEARD) == []
    [turn] = one.emit(active(50), LABELS, 100, HEARD)
    assert (turn.start, turn.end) == (frame_time(10), frame_time(100))


def test_two_groups_of_one_label_are_one_turn():
    one = Emitter(StreamSettings())
    [turn] = one.emit(active(60, a=[(10, 30)], c=[(20, 50)]), np.array([4, UNDECIDED, 4]), 0, HEARD)
    assert (turn.start, turn.end) == (frame_time(10), frame_time(50))


def test_a_long_turn_is_cut_and_goes_on():
    one = Emitter(StreamSettings(longest_turn=1.0))
    [part] = one.emit(active(70, a=[(0, 70)]), LABELS, 0, HEARD)
    [rest] = one.emit(active(10, a=[(0, 5)]), LABELS, 70, HEARD)
    assert (part.end, rest.start, rest.end) == (frame_time(70), frame_time(70), frame_time(75))
    assert one.sizes["open_turns"] == 0


def test_at_the_end_all_turns_end_within_the_sound():
    one = Emitter(StreamSettings())
    heard = round(frame_time(100) * 16_000) - 200
    turns = one.emit(active(100, a=[(10, 100)], c=[(50, 100)]), LABELS, 0, heard, final=True)
    assert [(turn.speaker_number, turn.end, turn.number) for turn in turns] == [
        (4, heard / 16_000, 0),
        (7, heard / 16_000, 1),
    ]
    assert one.speaking(100, heard) == []


def test_names_are_for_turns_from_now_on_and_corrections_for_those_before():
    class Gallery:
        def best(self, vector):
            return "Ann", 0.75

    one = Emitter(StreamSettings(revise=True))
    before = one.emit(active(100, a=[(10, 40)]), LABELS, 0, HEARD)
    one.remember(before, lambda turn: 3)
    one.name(Gallery(), {4: (np.array([1.0, 0.0]), 9.0), 7: (np.array([0.0, 1.0]), 1.0)})
    [after] = one.emit(active(100, a=[(10, 40)]), LABELS, 100, HEARD)
    assert (before[0].name, after.name, after.score) == (None, "Ann", 0.75)
    [corrected] = one.corrections({3: 4}, HEARD + 16_000)
    assert (corrected.name, corrected.number, corrected.revision, corrected.emitted) == ("Ann", 0, 1, 61.0)
    [moved] = one.corrections({3: 7}, HEARD)
    assert (moved.speaker, moved.speaker_number, moved.name, moved.revision) == ("SPEAKER_07", 7, None, 2)
    assert one.sizes == {"open_turns": 0, "names": 2, "history": 1}
    one.forget({}, {7})
    assert one.sizes["names"] == 1
    assert one.name_of(4)[0] is None


def test_without_revision_nothing_is_remembered_or_corrected():
    one = Emitter(StreamSettings())
    one.remember(one.emit(active(100, a=[(10, 40)]), LABELS, 0, HEARD), lambda turn: pytest.fail("asked"))
    assert one.corrections({0: 7}, HEARD) == []


def test_what_holds_an_array_is_compared_by_identity():
    one, other = (CachedSpeaker("SPEAKER_00", np.ones(2), 1.0, None, np.nan, "m", "1") for _ in range(2))
    assert one == one
    assert one != other
    assert len({one, other}) == 2
    turn = StreamTurn(0.0, 1.0, "SPEAKER_00", 0, None, 0.0, 2.0)
    assert turn == StreamTurn(0.0, 1.0, "SPEAKER_00", 0, None, 0.0, 2.0)
