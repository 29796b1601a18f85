import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyannote.core import Segment, SlidingWindow

from diarbook.errors import OptionError
from diarbook.segmentation import uniform_windows, window_speakers, windows_to_turns
from diarbook.turns import Turn, crop, regions, speaking_time


def test_by_hand():
    windows = uniform_windows([[0, 3.0], [5, 6]], 1.5, 0.75)
    np.testing.assert_allclose(windows, [[0, 1.5], [0.75, 2.25], [1.5, 3.0], [5, 6]])


@pytest.mark.parametrize(
    ("rule", "tail"), [("shift", [[1.7, 3.2]]), ("short", [[2.25, 3.2]]), ("drop", [])], ids=["shift", "short", "drop"]
)
def test_rules_for_the_rest(rule, tail):
    expected = np.concatenate([[[0, 1.5], [0.75, 2.25], [1.5, 3.0]], np.array(tail).reshape(-1, 2)])
    np.testing.assert_allclose(uniform_windows([[0, 3.2]], last=rule), expected)


def test_same_as_pyannote_sliding_window():
    region = Segment(2.0, 14.3)
    sliding = SlidingWindow(duration=1.5, step=0.5, start=region.start)
    expected = [(w.start, w.end) for w in sliding(region)]
    np.testing.assert_allclose(uniform_windows([[2.0, 14.3]], 1.5, 0.5, last="drop"), expected, atol=1e-9)


spans = st.lists(st.tuples(st.floats(0.01, 5), st.floats(0.02, 20)), min_size=0, max_size=8).map(
    lambda gaps: np.cumsum(np.array(gaps, float).reshape(-1)).reshape(-1, 2)
)


@given(spans, st.floats(0.1, 4), st.floats(0.1, 1), st.sampled_from(["shift", "short"]))
@example(np.array([[0.1, 3.1]]), 0.1, 1.0, "shift")
@example(np.array([[1.0, 4.5]]), 0.7, 1.0, "short")
@example(np.array([[0.3, 7.3]]), 0.7, np.nextafter(1, 0), "short")
def test_windows_cover_regions_exactly_and_none_leaves_them(region, length, share, rule):
    windows = uniform_windows(region, length, length * share, last=rule)
    covered = regions([Turn(float(a), float(b), "x") for a, b in windows])
    assert len(covered) == len(region)
    np.testing.assert_allclose(covered, region, atol=1e-6)
    assert (windows[:, 1] - windows[:, 0] <= length + 1e-6).all()
    assert (np.diff(windows[:, 0]) > -1e-9).all()
    if rule == "shift":
        long = windows[:, 1] - windows[:, 0] > length - 1e-6
        assert (~long).sum() == ((region[:, 1] - region[:, 0]) < length - 1e-6).sum()


def test_windows_whose_hop_is_their_length_tile_every_region():
    for tenths in range(1, 46):
        for start in range(40):
            region = np.array([[start / 10, start / 10 + 3.3]])
            for rule in ("shift", "short"):
                windows = uniform_windows(region, tenths / 10, tenths / 10, last=rule)
                assert windows_to_turns(windows, [0] * len(windows)) == [Turn(*region[0].tolist(), "SPEAKER_00")]


def test_a_region_of_whole_windows_ends_with_its_last_window():
    assert uniform_windows([[0.1, 0.4]], 0.1, 0.1)[-1, 1] == 0.4


def test_empty_zero_length_and_minimum():
    assert uniform_windows(np.empty((0, 2))).shape == (0, 2)
    assert uniform_windows([[1, 1]]).shape == (0, 2)
    assert uniform_windows([[0, 0.2], [1, 2]], minimum=0.4).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("region", "options", "words"),
    [
        ([[0, 1]], {"hop": 0}, "0 < hop <= length"),
        ([[0, 1]], {"hop": 2.0}, "0 < hop <= length"),
        ([[0, 1]], {"length": -1}, "0 < hop <= length"),
        ([[0, 1]], {"last": "round"}, "known: shift, short, drop"),
        ([[2, 1]], {}, "row 0 ends at 1.0 s before"),
        ([[0, 1], [0, np.nan]], {}, "row 1 is not finite"),
        ([0, 1, 2], {}, "shape (n, 2)"),
    ],
)
def test_bad_input(region, options, words):
    with pytest.raises(OptionError) as caught:
        uniform_windows(region, **options)
    assert words in str(caught.value)


TURNS = [Turn(0, 2, "ann"), Turn(1.5, 4, "bo"), Turn(6, 7, "ann"), Turn(6, 6.5, "ann")]


def test_window_speakers_by_hand():
    found = window_speakers([[0, 1], [1, 2], [4.5, 5.5], [5, 8]], TURNS)
    assert found.labels == ("ann", "bo")
    np.testing.assert_allclose(found.seconds, [[1, 0], [1, 0.5], [0, 0], [1, 0]])
    assert found.dominant.tolist() == [0, 0, -1, 0]
    np.testing.assert_allclose(found.share, [1, 2 / 3, np.nan, 1])


def test_window_speakers_without_turns():
    found = window_speakers([[0, 1]], [])
    assert found.dominant.tolist() == [-1]
    assert np.isnan(found.share).all()


@given(st.floats(0, 6), st.floats(0.1, 4))
def test_window_speakers_equals_cropping(start, length):
    found = window_speakers([[start, start + length]], TURNS)
    expected = speaking_time(crop(TURNS, start, start + length))
    np.testing.assert_allclose(found.seconds[0], [expected.get(label, 0.0) for label in found.labels], atol=1e-9)


def test_turns_from_windows_by_hand():
    turns = windows_to_turns([[0, 1.5], [0.75, 2.25], [1.5, 3], [5, 6]], [0, 0, 1, 0])
    assert turns == [Turn(0, 1.875, "SPEAKER_00"), Turn(1.875, 3, "SPEAKER_01"), Turn(5, 6, "SPEAKER_00")]
    assert windows_to_turns([[0, 1], [1, 2]], ["a", "a"]) == [Turn(0, 2, "a")]
    assert windows_to_turns([[0, 1], [1, 2]], [-1, 1]) == [Turn(1, 2, "SPEAKER_01")]
    assert windows_to_turns(np.empty((0, 2)), []) == []


@given(spans, st.integers(0, 2**32 - 1))
def test_turns_from_windows_cover_the_regions_once(region, seed):
    windows = uniform_windows(region)
    labels = np.random.default_rng(seed).integers(0, 3, len(windows))
    turns = windows_to_turns(windows, labels)
    np.testing.assert_allclose(sum(t.duration for t in turns), (region[:, 1] - region[:, 0]).sum(), atol=1e-6)
    assert len(regions(turns, 2)) == 0


def test_turns_from_windows_bad_input():
    with pytest.raises(OptionError, match="2 windows but 1 labels"):
        windows_to_turns([[0, 1], [1, 2]], [0])
    with pytest.raises(OptionError, match="sorted"):
        windows_to_turns([[1, 2], [0, 1]], [0, 0])
