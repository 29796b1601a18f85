"""segmentation-3.0's classes and frames as plain numbers: sets of local speakers, seconds of a chunk, samples.

Chapter: segmentation
"""

from __future__ import annotations

from itertools import combinations

LOCAL_SPEAKERS = 3
SIMULTANEOUS_SPEAKERS = 2
POWERSET = tuple(
    members for size in range(SIMULTANEOUS_SPEAKERS + 1) for members in combinations(range(LOCAL_SPEAKERS), size)
)
CHUNK_SECONDS = 10.0
# One frame is the sinc filters' stride times three poolings by three; its receptive field follows from the kernels.
FRAME_SAMPLES = 10 * 3 * 3 * 3
RECEPTIVE_FIELD_SAMPLES = 991


def frame_count(samples: int) -> int:
    """Frames that the network makes of a chunk of this many samples.

    Chapter: segmentation
    """
    return max(0, (samples - RECEPTIVE_FIELD_SAMPLES) // FRAME_SAMPLES + 1)
