"""``diarbook.identify``: names for the turns of a conversation."""

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.streaming.tones import Embedder, direction, hum

import diarbook
from diarbook import Turn
from diarbook.embeddings.embedder import model_identity
from diarbook.errors import OptionError, VoiceprintError
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
SOUND = hum([(0.5, 4, 0), (4.5, 8, 1)], 9.0)
TURNS = [Turn(0.5, 4, "SPEAKER_00"), Turn(4.5, 8, "SPEAKER_01")]


class Tones(Embedder):
    """Stand-in for CAM++, under its name."""

    def __init__(self):
        super().__init__(model_identity())

    def embed(self, waveform, windows):
        return self.embed_spans(self.features(waveform), np.round(windows * self.frame_rate).astype(int))


@pytest.fixture
def path(tmp_path):
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(Voiceprint("Ann Lee", direction(1), *model_identity(), 9.0, 3, 0.9, GIVEN, Consent("agreed", GIVEN)))
    return tmp_path / "v.db"


def test_known_speakers_get_their_names(path):
    expected = [Turn(0.5, 4, "SPEAKER_00"), Turn(4.5, 8, "Ann Lee")]
    assert diarbook.identify(SOUND, TURNS, path, threshold=0.9, embedder=Tones()) == expected
    with VoiceprintStore(path) as store:
        assert diarbook.identify(SOUND, TURNS, store, threshold=0.9, embedder=Tones()) == expected
        assert len(store) == 1  # a store that was open stays open


def test_nobody_is_known_to_a_store_that_is_not_there(tmp_path, path):
    with pytest.raises(VoiceprintError, match="no such store"):
        diarbook.identify(SOUND, TURNS, tmp_path / "w.db")
    assert not (tmp_path / "w.db").exists()
    with pytest.raises(OptionError, match="cosine"):
        diarbook.identify(SOUND, TURNS, path, threshold=2.0, embedder=Tones())


def test_silence_has_no_names(path):
    assert diarbook.identify(np.zeros(16_000, np.float32), [], path, embedder=Tones()) == []
