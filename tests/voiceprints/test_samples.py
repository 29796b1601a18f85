import numpy as np
import pytest

from diarbook.assets import VoiceSample
from diarbook.embeddings import single_speaker_excerpts
from diarbook.errors import OptionError
from diarbook.turns import Turn
from diarbook.voiceprints.samples import as_recordings, join_samples


def sample(name, speaker, condition, value, length=8000):
    return VoiceSample(name, speaker, condition, np.full(length, value, np.float32))


SAMPLES = [sample(f"a{i}", "a", "calm", i) for i in range(5)] + [
    sample("a5", "a", "loud", 5),
    sample("b6", "b", "loud", 6),
    sample("b7", "b", "loud", 7, 4000),
]


def test_utterances_are_joined_within_a_person_and_condition():
    joined = join_samples(SAMPLES, 2)
    assert [one.name for one in joined] == ["a0 to a1", "a2 to a3", "b6 to b7"]
    assert [(one.speaker, one.condition, len(one.waveform)) for one in joined] == [
        ("a", "calm", 16_000),
        ("a", "calm", 16_000),
        ("b", "loud", 12_000),
    ]
    assert joined[1].waveform[[0, 8000]].tolist() == [2, 3]
    assert [one.name for one in join_samples(SAMPLES, 1)] == [one.name for one in SAMPLES]
    assert join_samples([], 2) == []
    with pytest.raises(OptionError, match="each must be 1"):
        join_samples(SAMPLES, 0)


def test_a_sample_becomes_a_recording_of_one_turn():
    recordings = as_recordings(SAMPLES[-2:], split="train")
    assert [one.name for one in recordings] == ["b6", "b7"]
    assert recordings[1].turns == (Turn(0.0, 0.25, "b"),)
    assert recordings[1].uem.tolist() == [[0.0, 0.25]]
    assert recordings[1].split == "train"
    [first, second] = single_speaker_excerpts(recordings, 0.2, 60)
    assert (first.duration, second.speaker) == (0.5, "b")
