"""``diarbook.stream``: an iterator of turns."""

import numpy as np
import pytest
import soundfile
from tests.streaming.tones import Embedder, ears, hum

import diarbook
from diarbook.errors import AudioError
from diarbook.streaming import StreamSettings, blocks, stream

SOUND = hum([(0.5, 4, 0), (4.5, 8, 1), (8.5, 12, 0), (12.5, 16, 1)], 17.0)


def networks():
    return {"segmentation": ears(), "embedder": Embedder()}


def test_a_file_a_waveform_and_blocks_give_the_same_turns(tmp_path):
    soundfile.write(tmp_path / "a.wav", SOUND, 16_000, subtype="FLOAT")
    expected = stream(SOUND, **networks())
    assert len(expected) == 4
    for source in (SOUND, tmp_path / "a.wav", str(tmp_path / "a.wav"), blocks(SOUND, 1234)):
        turns = list(diarbook.stream(source, **networks()))
        assert [turn.turn for turn in turns] == [turn.turn for turn in expected]


def test_a_turn_is_handed_out_before_the_next_is_heard():
    heard = 0.0

    def arriving():
        nonlocal heard
        for block in blocks(SOUND, 1600):
            heard += 0.1
            yield block

    settings = StreamSettings(latency=1.0)
    first = next(diarbook.stream(arriving(), settings, **networks()))
    assert first.end <= heard <= first.end + settings.latency + 1


def test_what_was_heard_before_a_fault_is_not_lost():
    bad = np.full(160, np.nan, np.float32)
    turns = diarbook.stream([SOUND[: 6 * 16_000], bad], **networks())
    heard = []
    with pytest.raises(AudioError, match="not a finite number"):
        heard.extend(turn.speaker for turn in turns)
    assert heard == ["SPEAKER_00", "SPEAKER_01"]
