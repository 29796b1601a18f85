import numpy as np
import pytest

from diarbook.assets import recordings
from diarbook.voiceprints.voice import stretches


@pytest.fixture(scope="module")
def clips():
    return {recording.name: recording for recording in recordings("train")}


@pytest.fixture(scope="module")
def voice(clips):
    """Recording and stretches of the voice that says most."""
    return max(
        ((clip, stretches(clip.turns)[turn.speaker]) for clip in clips.values() for turn in clip.turns),
        key=lambda item: np.diff(item[1], axis=1).sum(),
    )
