"""A look at the sound while it is read: channels that cancel each other, clipping, silence.

Chapter: start
"""

from __future__ import annotations

import numpy as np

CEILING = 0.999
"""From here on a sample is at full scale."""

CLIPPED_SHARE = 0.005
"""More samples at full scale than this are distortion that is heard."""

CANCELLED_DB = -20.0
"""Level of the channels' mean, relative to that of channels that have nothing to do with each other."""

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
        self._sums, self._squares = np.zeros(channels), np.zeros(channels)
        self._mean_sum = self._mean_square = 0.0
        self._clipped, self._peak, self._loudest = 0, 0.0, 0.0

    def add(self, block: np.ndarray, mono: np.ndarray) -> None:
        """Take a block in.

        Parameters
        ----------
        block : ndarray of float32, shape (frames, channels)
            Finite.
        mono : ndarray of float32, shape (frames,)
            What is used of it.

        Chapter: start
        """
        peak = max(float(block.max()), -float(block.min()))
        self.frames += len(block)
        self._peak = max(self._peak, peak)
        if peak >= CEILING:
            self._clipped += int(np.count_nonzero((np.abs(block) >= CEILING).any(axis=1)))
        width = min(len(mono), max(1, self.rate // 2))
        windows = mono[: len(mono) // width * width].reshape(-1, width)
        powers = np.einsum("ij,ij->i", windows, windows, dtype=np.float64) / width
        self._loudest = max(self._loudest, float(powers.max()))
        if self.channels > 1:
            self._sums += block.sum(axis=0, dtype=np.float64)
            self._squares += np.einsum("ij,ij->j", block, block, dtype=np.float64)
            self._mean_sum += float(mono.sum(dtype=np.float64))
            self._mean_square += float(np.einsum("i,i->", mono, mono, dtype=np.float64))

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
        return int((self._squares - self._sums**2 / max(self.frames, 1)).argmax())

    @property
    def cancels(self) -> bool:
        """Whether the channels' mean is more than 20 dB below what unrelated channels would leave.

        Chapter: start
        """
        if self.channels == 1 or not self.frames:
            return False
        energy = self._squares - self._sums**2 / self.frames
        mean = self._mean_square - self._mean_sum**2 / self.frames
        return bool(energy.sum() > 0 and mean < 10 ** (CANCELLED_DB / 10) * energy.sum() / self.channels**2)


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
