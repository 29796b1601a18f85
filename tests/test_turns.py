import itertools
import json
import re
import time
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.errors import OptionError, RttmError
from diarbook.turns import (
    Turn,
    alone,
    crop,
    from_activity,
    from_annotation,
    from_audacity,
    from_columns,
    from_regions,
    label_by_appearance,
    merge,
    regions,
    relabel,
    shift,
    speakers,
    speaking_time,
    to_activity,
    to_annotation,
    to_audacity,
    to_json,
    to_textgrid,
    to_webvtt,
)

A_THEN_B = [Turn(0.0, 2.0, "A"), Turn(1.5, 4.0, "B"), Turn(5.0, 6.0, "A")]
milliseconds = st.integers(0, 60_000)


@st.composite
def diarizations(draw):
    rows = draw(st.lists(st.tuples(milliseconds, milliseconds, st.sampled_from("ABCD")), max_size=12))
    return [Turn(min(a, b) / 1000, max(a, b) / 1000, speaker) for a, b, speaker in rows]


def active(turns, speaker, time):
    return any(turn.speaker == speaker and turn.start <= time < turn.end for turn in turns)


@pytest.mark.parametrize(("start", "end"), [(1.0, 0.5), (0.0, float("nan")), (float("-inf"), 1.0)])
def test_a_turn_that_cannot_be_is_refused(start, end):
    with pytest.raises(OptionError, match="'A'"):
        Turn(start, end, "A")


@given(diarizations())
def test_columns_become_the_turns_that_the_constructor_makes(turns):
    columns = [turn.start for turn in turns], [turn.end for turn in turns], [turn.speaker for turn in turns]
    made = from_columns(*columns)
    assert made == turns
    assert list(map(hash, made)) == list(map(hash, turns))
    assert sorted(made) == sorted(turns)


@pytest.mark.parametrize(("start", "end"), [(1.0, 0.5), (0.0, float("nan")), (float("-inf"), 1.0)])
def test_columns_are_checked_as_the_constructor_checks(start, end):
    with pytest.raises(OptionError) as one:
        Turn(start, end, "B")
    with pytest.raises(OptionError, match=re.escape(str(one.value))):
        from_columns([0.0, start, 3.0], [1.0, end, 2.0], ["A", "B", "C"])


def test_columns_are_worth_their_function():
    """The slots are filled past the constructor for speed alone: when that is gone, the function should go as well."""
    rows = np.arange(100_000.0), np.arange(100_000.0) + 1, ["A"] * 100_000

    def seconds(make):
        return min(timeit.repeat(make, number=1, repeat=5, timer=time.process_time))

    lists = rows[0].tolist(), rows[1].tolist(), rows[2]
    assert seconds(lambda: from_columns(*rows)) < 0.8 * seconds(lambda: list(map(Turn, *lists)))  # measured: 0.35


def test_labels_follow_the_first_appearance_in_time():
    turns = [Turn(3, 4, "zoe"), Turn(0, 1, "kim"), Turn(1, 2, "zoe")]
    assert speakers(turns) == ["kim", "zoe"]
    assert [t.speaker for t in label_by_appearance(turns)] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_01"]


def test_relabel_keeps_what_it_does_not_know():
    assert [t.speaker for t in relabel(A_THEN_B, {"A": "Ann"})] == ["Ann", "B", "Ann"]


def test_merge_by_hand():
    turns = [Turn(0, 1, "A"), Turn(1, 2, "A"), Turn(2.4, 3, "A"), Turn(0.5, 0.5, "B")]
    assert merge(turns) == [Turn(0, 2, "A"), Turn(2.4, 3, "A")]
    assert merge(turns, gap=0.5) == [Turn(0, 3, "A")]
    with pytest.raises(OptionError, match="gap"):
        merge(turns, gap=-1)


def test_merge_keeps_a_turn_inside_a_longer_one_of_the_same_speaker():
    assert merge([Turn(0, 10, "A"), Turn(1, 2, "A"), Turn(3, 4, "B")]) == [Turn(0, 10, "A"), Turn(3, 4, "B")]


@given(diarizations(), milliseconds)
def test_merge_changes_no_instant(turns, instant):
    merged = merge(turns)
    for speaker in "ABCD":
        assert active(turns, speaker, instant / 1000) == active(merged, speaker, instant / 1000)
        own = [t for t in merged if t.speaker == speaker]
        assert all(before.end < after.start for before, after in itertools.pairwise(own))
    assert merge(merged) == merged == sorted(merged)


def test_crop_and_shift():
    assert crop(A_THEN_B, 1.0, 5.0) == [Turn(1, 2, "A"), Turn(1.5, 4, "B")]
    assert shift([Turn(1, 2, "A")], -0.5) == [Turn(0.5, 1.5, "A")]


def test_speaking_time_counts_an_instant_once_a_speaker():
    assert speaking_time([*A_THEN_B, Turn(0.0, 1.0, "A")]) == {"A": 3.0, "B": 2.5}
    assert speaking_time([]) == {}


def test_regions_by_hand():
    np.testing.assert_allclose(regions(A_THEN_B), [[0, 4], [5, 6]])
    np.testing.assert_allclose(regions(A_THEN_B, at_least=2), [[1.5, 2.0]])
    assert regions([]).shape == regions(A_THEN_B, at_least=3).shape == (0, 2)


@given(diarizations(), st.integers(1, 3), milliseconds)
def test_regions_hold_exactly_the_instants_with_enough_speakers(turns, at_least, instant):
    spans = regions(turns, at_least)
    inside = bool(((spans[:, 0] <= instant / 1000) & (instant / 1000 < spans[:, 1])).any())
    assert inside == (sum(active(turns, speaker, instant / 1000) for speaker in "ABCD") >= at_least)


def test_regions_agree_with_pyannote():
    from pyannote.core import Segment

    turns = [Turn(0, 2, "A"), Turn(1, 3, "B"), Turn(3, 4, "A"), Turn(6, 7, "C"), Turn(6.5, 6.75, "A")]
    annotation = to_annotation(turns)
    support = annotation.get_timeline().support()
    assert [Segment(*span) for span in regions(turns)] == list(support)
    assert [Segment(*span) for span in regions(turns, 2)] == list(annotation.get_overlap())


def alone_by_definition(turns):
    """Between any two neighboring boundaries: whoever is active, if it is one."""
    turns = merge(turns)
    edges = sorted({edge for turn in turns for edge in (turn.start, turn.end)})
    cells = []
    for start, end in itertools.pairwise(edges):
        owners = [turn.speaker for turn in turns if turn.start <= start and turn.end >= end]
        if len(owners) == 1:
            cells.append(Turn(start, end, owners[0]))
    return merge(cells)


def test_alone_by_hand():
    turns = [Turn(9.5, 11.0, "a"), Turn(4.0, 9.0, "b"), Turn(11.0, 12.0, "b"), Turn(0.0, 5.0, "a"), Turn(2.0, 2.0, "c")]
    assert alone(turns) == [Turn(0.0, 4.0, "a"), Turn(5.0, 9.0, "b"), Turn(9.5, 11.0, "a"), Turn(11.0, 12.0, "b")]
    assert alone([]) == []


@given(diarizations())
def test_alone_is_where_exactly_one_is_active(turns):
    assert alone(turns) == alone_by_definition(turns)


def test_alone_takes_two_hours_of_turns_in_a_moment():
    """It was quadratic: 1.4 s for these 4,000 turns, and half a minute for five times as many."""
    rng = np.random.default_rng(0)
    starts, lengths = np.cumsum(rng.exponential(2.0, 20_000)), rng.exponential(2.0, 20_000)
    turns = [Turn(starts[index], starts[index] + lengths[index], f"S{index % 8}") for index in range(len(starts))]
    began = time.process_time()
    stretches = alone(turns)
    assert time.process_time() - began < 3.0  # measured: 0.1 s
    assert len(stretches) > 5_000


def test_from_regions():
    assert from_regions(np.array([[0.5, 1.0]]), "A") == [Turn(0.5, 1.0, "A")]


def test_activity_by_hand():
    activity = to_activity([Turn(0.1, 0.3, "A"), Turn(0.24, 0.4, "B")], step=0.1, frames=5)
    assert activity.T.astype(int).tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 1, 0]]


@given(diarizations(), st.sampled_from([0.01, 0.016875, 0.02, 0.1]))
def test_activity_comes_back(turns, step):
    names = sorted({turn.speaker for turn in turns})
    activity = to_activity(turns, step, frames=500, labels=names)
    again = to_activity(from_activity(activity, step, names), step, frames=500, labels=names)
    np.testing.assert_array_equal(again, activity)


def test_activity_says_what_is_wrong():
    with pytest.raises(OptionError, match="'B' is missing"):
        to_activity(A_THEN_B, 0.1, 10, labels=["A"])
    with pytest.raises(OptionError, match="step"):
        to_activity(A_THEN_B, 0, 10)
    with pytest.raises(OptionError, match="2 speakers but there are 1 labels"):
        from_activity(np.zeros((3, 2), bool), 0.1, ["A"])
    with pytest.raises(OptionError, match="shape"):
        from_activity(np.zeros(3, bool), 0.1)


@given(diarizations())
def test_annotation_comes_back(turns):
    kept = [turn for turn in turns if turn.duration > 0]  # pyannote has no empty segments
    assert from_annotation(to_annotation(kept)) == sorted(kept)


def test_json():
    read = json.loads(to_json(A_THEN_B, "call"))
    assert read["recording"] == "call"
    assert read["turns"][1] == {"start": 1.5, "end": 4.0, "speaker": "B"}


def test_audacity():
    assert to_audacity([Turn(1, 2.5, "Ann B")]) == "1.000\t2.500\tAnn B\n"


def test_webvtt():
    text = to_webvtt([Turn(3599.9996, 3661.5, "A<B"), Turn(1.0, 1.0001, "too short")])
    assert text == "WEBVTT\n\n01:00:00.000 --> 01:01:01.500\n<v A&lt;B>A&lt;B\n"
    assert to_webvtt([]) == "WEBVTT\n\n"


@given(diarizations())
def test_textgrid_intervals_cover_the_time_and_hold_the_turns(turns):
    text = to_textgrid(turns, duration=61.0)
    tiers = text.split('class = "IntervalTier"')[1:]
    read = []
    for tier in tiers:
        name = re.search(r'name = "(.*)"', tier)[1]
        intervals = re.findall(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "(.*)"', tier)
        times = [(float(start), float(end)) for start, end, _ in intervals]
        assert times[0][0] == 0
        assert times[-1][1] == 61
        assert all(start < end for start, end in times)
        assert all(before[1] == after[0] for before, after in itertools.pairwise(times))
        assert f"intervals: size = {len(intervals)}" in tier
        read += [Turn(*span, name) for span, (_, _, label) in zip(times, intervals, strict=True) if label]
    assert sorted(read) == merge(turns)


def test_textgrid_doubles_quotation_marks():
    assert 'text = "a ""b"""' in to_textgrid([Turn(0, 1, 'a "b"')])


def test_labels_of_audacity_are_read_again():
    turns = [Turn(0.5, 1.5, "Ann Lee"), Turn(1.0, 2.25, "Bob")]
    assert from_audacity(to_audacity(turns)) == turns
    assert from_audacity("\ufeff\n1\t2\t Ann  Lee \n\\\t0\t8000\n") == [Turn(1, 2, "Ann Lee")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\t2", "expected start, end and a name, separated by tabs"),
        ("1\t2\t ", "expected start, end and a name, separated by tabs"),
        ("1 2 Ann", "expected start, end and a name, separated by tabs"),
        ("a\t2\tAnn", "separated by tabs; 'a' is no time"),
        ("2\t1\tAnn", "'Ann': ends at 1.0 before it starts at 2.0"),
        ("nan\t1\tAnn", "'Ann': times must be finite"),
        ("1_0\t20\tAnn", "'Ann': times must be finite"),
        ("0,000000\t12,000000\tBob", "the time '0,000000' has a decimal comma; write '0.000000'"),
        ("0.5\t1,5\tBob", "the time '1,5' has a decimal comma; write '1.5'"),
        ("1\t2\tBo\x1b[31mb", r"holds the control character U\+001B"),
        ("1\t2\tBob\r3\t4\tAnn", "a lone carriage return inside the line"),
    ],
)
def test_a_label_that_is_none_is_named_with_its_line(line, message):
    with pytest.raises(RttmError, match=rf"^track:2: .*{message}"):
        from_audacity(f"0\t1\tAnn\n{line}\n", "track")


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_a_line_feed_ends_a_label(separator):
    assert from_audacity(f"0\t1\tAnn{separator}Lee\r\n1\t2\tBob\n") == [Turn(0, 1, "Ann Lee"), Turn(1, 2, "Bob")]


def test_numbers_follow_who_speaks_first_not_the_alphabet():
    named = label_by_appearance([Turn(3, 4, "Ann"), Turn(0, 1, "Bob"), Turn(5, 6, "Bob")])
    assert named == [Turn(0, 1, "SPEAKER_00"), Turn(3, 4, "SPEAKER_01"), Turn(5, 6, "SPEAKER_00")]


def test_a_crop_holds_no_empty_turn():
    assert crop([Turn(1, 1, "a"), Turn(1, 2, "b"), Turn(3, 4, "c")], 0, 3) == [Turn(1, 2, "b")]
