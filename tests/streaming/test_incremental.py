import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook.errors import OptionError
from diarbook.streaming.incremental import incremental_clustering


def test_by_hand():
    # 0 and 10 degrees join (mean 5); 80 is 75 away from that and founds; 50 is 45 from 5 and 30 from 80.
    angles = np.deg2rad([0, 10, 80, 50])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    labels, sums = incremental_clustering(points, np.cos(np.deg2rad(40)))
    assert labels.tolist() == [0, 0, 1, 1]
    assert np.rad2deg(np.arctan2(*sums[:, ::-1].T)) == pytest.approx([5, 65])
    # In another order 50 founds, 10 moves it to 30, 0 to 20, and 80 is too far.
    assert incremental_clustering(points[[3, 1, 0, 2]], np.cos(np.deg2rad(41)))[0].tolist() == [0, 0, 0, 1]


def test_weights_move_the_centroid():
    _, sums = incremental_clustering(np.array([[1.0, 0.2], [1.0, -0.2]]), 0.5, np.array([3.0, 1.0]))
    assert sums[0, 1] > 0


def test_with_no_room_everybody_joins():
    assert incremental_clustering(np.eye(4), 0.5, max_speakers=2)[0].tolist() == [0, 1, 0, 0]


@given(st.integers(0, 1000))
def test_each_decision_depends_on_the_past_only(seed):
    points = np.random.default_rng(seed).normal(size=(12, 3))
    whole, _ = incremental_clustering(points, 0.3)
    for count in (1, 5, 9):
        assert incremental_clustering(points[:count], 0.3)[0].tolist() == whole[:count].tolist()
    assert sorted(set(whole), key=whole.tolist().index) == list(range(whole.max() + 1))


def test_nothing_and_nonsense():
    assert incremental_clustering(np.zeros((0, 2)), 0.5)[0].tolist() == []
    for wrong in ({"threshold": 2.0}, {"threshold": 0.5, "max_speakers": 0}, {"threshold": 0.5, "seconds": [0.0, 1.0]}):
        with pytest.raises(OptionError):
            incremental_clustering(np.eye(2), **wrong)
