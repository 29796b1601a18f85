"""People who hum: each voice is one tone, so that stand-ins for both networks can hear exactly who hums when."""

import numpy as np

from diarbook.networks.powerset import FRAME_SAMPLES, POWERSET, frame_count
from diarbook.segmentation.model import SegmentationModel
from diarbook.turns import Turn

TONES = np.array([220.0, 500.0, 1000.0, 1900.0, 3300.0, 5600.0])
RATE = 16_000


def hum(turns, seconds, level=0.1):
    """Waveform of turns whose speakers are indices of TONES."""
    time = np.arange(round(seconds * RATE)) / RATE
    waveform = np.zeros(len(time), dtype=np.float32)
    for start, end, voice in turns:
        inside = slice(round(start * RATE), round(end * RATE))
        waveform[inside] += level * np.sin(2 * np.pi * TONES[voice] * time[inside]).astype(np.float32)
    return waveform


TWO_PEOPLE = hum([(0.5, 4, 0), (4.5, 8, 1), (8.5, 12, 0), (12.5, 16, 1)], 17.0)


def conversation(seconds, voices, generator, overlap=False):
    """Turns of 1 to 4 s, mostly with pauses between them."""
    turns, at, last = [], 0.3, -1
    while at < seconds - 1.2:
        voice = int(generator.choice([v for v in range(voices) if v != last]))
        end = min(at + generator.uniform(1.0, 4.0), seconds)
        turns.append((at, end, voice))
        at = end + (generator.uniform(-0.4, 0.6) if overlap else generator.uniform(0.2, 0.8))
        last = voice
    return turns


def as_turns(turns):
    return [Turn(start, end, f"tone {voice}") for start, end, voice in turns]


def _hear(batch):
    """Log-probabilities as segmentation-3.0 gives them; a chunk numbers its speakers by first appearance."""
    frames = frame_count(batch.shape[-1])
    time = np.arange(FRAME_SAMPLES) / RATE
    waves = np.exp(-2j * np.pi * TONES[:, None] * time)
    result = np.full((len(batch), frames, len(POWERSET)), -12.0, dtype=np.float32)
    known = {members: index for index, members in enumerate(POWERSET)}
    codes = np.array([known[tuple(v for v in range(3) if code >> v & 1)[:2]] for code in range(8)])
    for row, waveform in zip(result, batch[:, 0], strict=True):
        cut = waveform[360 : 360 + frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES)
        loud = np.abs(cut @ waves.T) > 6.0
        order = np.argsort(np.where(loud.any(axis=0), loud.argmax(axis=0), frames + 1), kind="stable")[:3]
        row[np.arange(frames), codes[loud[:, order] @ [1, 2, 4]]] = -0.001
    return result


def ears(count=None):
    """Stand-in for segmentation-3.0; appends to ``count`` at every call."""

    def run(batch):
        if count is not None:
            count.append(len(batch))
        return _hear(batch)

    return SegmentationModel(run, "tones")


class Embedder:
    """Stand-in for an embedding model, with frames and bands of its own: how loud each tone is, at any gain.

    Its features are no mel energies and its frames are 20 ms apart: a stream that computes features by itself, or
    counts on 100 of them a second, does not get through.
    """

    name, frame_rate, dimension = "tones", 50, len(TONES)
    hop = RATE // frame_rate

    def __init__(self, identity=("tones", "1")):
        self.identity = identity

    def features(self, waveform):
        frames = len(waveform) // self.hop
        waves = np.exp(-2j * np.pi * TONES[:, None] * np.arange(self.hop) / RATE)
        cut = np.asarray(waveform)[: frames * self.hop].reshape(frames, self.hop)
        return np.abs(cut @ waves.T).astype(np.float32)

    def embed_spans(self, features, spans):
        assert features.shape[1:] == (len(TONES),)
        parts = [features[first:last] for first, last in spans]
        rows = [part.mean(axis=0) if len(part) >= 12 else np.full(len(TONES), np.nan) for part in parts]
        return np.array(rows, dtype=np.float32).reshape(len(parts), len(TONES))

    def embed_features(self, items):
        features = np.concatenate([np.zeros((0, len(TONES)), dtype=np.float32), *items])
        last = np.cumsum([len(item) for item in items], dtype=int)
        return self.embed_spans(features, np.column_stack([last - [len(item) for item in items], last]))


def direction(voice):
    """Unit embedding of a voice, as the stand-in itself gives it."""
    embedder = Embedder()
    features = embedder.features(hum([(0, 1, voice)], 1.0))
    vector = embedder.embed_spans(features, np.array([[0, len(features)]]))[0].astype(float)
    return vector / np.linalg.norm(vector)
