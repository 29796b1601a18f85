"""A look at the sound while it is read: channels that cancel each other, clipping, silence.

Chapter: start
"""

from __future__ import annotations

import numpy as np

CEILING = 0.999
"""From here on a sample is at full scale."""

CLIPPED_SHARE = 0.005
"""More samples at full scale than this are distortion that is heard."""

CANCELED_DB = -20.0
"""Level of the channels' mean, relative to that of channels that have nothing to do with each other."""

MOST_CHANNELS = 64
"""More are the microphones of an array, whose products cost too much."""

FAINT_DB = -70.0
"""Below this level, relative to full scale, there is nothing but the noise of the recorder."""


class Soundcheck:
    """Levels of a stream, gathered block by block.

    Parameters
    ----------
    rate : int
        Samples a second.
    channels : int

    Chapter: start
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels, self.frames = rate, channels, 0
        self._sums, self._products = np.zeros(channels), np.zeros((channels, channels))
        self._clipped, self._peak, self._loudest = 0, 0.0, 0.0

    def add(self, block: np.ndarray, mono: np.ndarray) -> bool:
        """Take a block in; False when a sample of it is not a finite number.

        Parameters
        ----------
        block : ndarray of float32, shape (frames, channels)
        mono : ndarray of float32, shape (frames,)
            What is used of it.

        Chapter: start
        """
        peak = max(float(block.max()), -float(block.min()))
        if not np.isfinite(peak):
            return False
        self.frames += len(block)
        self._peak = max(self._peak, peak)
        if peak >= CEILING:
            self._clipped += int(np.count_nonzero((np.abs(block) >= CEILING).any(axis=1)))
        width = min(len(mono), max(1, self.rate // 2))
        windows = mono[: len(mono) // width * width].reshape(-1, width)
        self._loudest = max(self._loudest, float(np.einsum("ij,ij->i", windows, windows).max()) / width)
        if 1 < self.channels <= MOST_CHANNELS:
            self._sums += np.ones(len(block), np.float32) @ block
            self._products += block.T @ block
        return True

    @property
    def seconds(self) -> float:
        """Length so far.

        Chapter: start
        """
        return self.frames / self.rate

    @property
    def loudest_channel(self) -> int:
        """Index of the channel with the most energy, without its offset.

        Chapter: start
        """
        return int(np.diag(self._covariance()).argmax())

    @property
    def cancels(self) -> bool:
        """Whether the channels' mean is more than 20 dB below what unrelated channels would leave.

        Chapter: start
        """
        if self.channels == 1 or not self.frames:
            return False
        covariance = self._covariance()
        unrelated = float(np.trace(covariance))
        return unrelated > 0 and float(covariance.sum()) < 10 ** (CANCELED_DB / 10) * unrelated

    def _covariance(self) -> np.ndarray:
        return self._products - np.outer(self._sums, self._sums) / max(self.frames, 1)


def sound_notes(checks: list[Soundcheck]) -> list[str]:
    """What a user should know of the sound of a recording, each in a line without its name.

    Parameters
    ----------
    checks : list of Soundcheck
        One for each stream of the recording.

    Chapter: start
    """
    frames = sum(check.frames for check in checks)
    clipped = sum(check._clipped for check in checks) / max(frames, 1)
    peak = max((check._peak for check in checks), default=0.0)
    loudest = max((check._loudest for check in checks), default=0.0)
    if peak == 0:
        return ["is silent: every sample is zero; check the microphone and the export"]
    if (level := 10 * np.log10(max(loudest, 1e-30))) < FAINT_DB:
        return [f"holds no sound at the level of speech: its loudest half second is at {level:.0f} dB; raise the gain"]
    if clipped > CLIPPED_SHARE and peak <= 2:  # floating-point files may have another scale
        return [f"is clipped in {100 * clipped:.1f} % of its samples; lower the gain of the recorder"]
    return []
