"""What the tests of the command share: two people who hum in a file, and networks that hear them."""

import pytest
import soundfile
from tests.streaming.tones import TWO_PEOPLE as SOUND
from tests.streaming.tones import Embedder, ears

from diarbook.embeddings.embedder import model_identity


@pytest.fixture
def tones(monkeypatch):
    """Both networks are stand-ins that hear tones."""
    monkeypatch.setattr("diarbook.streaming.engine.load_segmentation", lambda: ears())
    monkeypatch.setattr("diarbook.streaming.engine.load_embedder", lambda _: Embedder(model_identity()))


@pytest.fixture
def deaf(monkeypatch):
    """Nothing is listened to: whatever is wrong must be said before."""
    monkeypatch.setattr("diarbook.streaming.StreamingDiarizer.push", lambda *_: pytest.fail("listened"))


@pytest.fixture
def wav(tmp_path):
    soundfile.write(tmp_path / "two people.wav", SOUND, 16_000, subtype="FLOAT")
    return tmp_path / "two people.wav"
