"""segmentation-3.0 as our own PyTorch module.

The network classifies every frame into one of seven sets of speakers (the *powerset* of three speakers,
at most two of them at once), so overlapped speech is a class like any other.

Chapter: segmentation
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from diarbook.assets import weights_path
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import AssetError
from diarbook.networks.powerset import POWERSET


class SincFilters(nn.Module):
    """Band-pass filters of a waveform, each one given by two numbers: its lowest frequency and its bandwidth.

    Half of the filters are even (cosine) and half are odd (sine), so a pair sees a band at any phase.

    Parameters
    ----------
    filters : int
        Number of filters, even.
    length : int
        Taps of a filter, odd.
    stride : int
        Samples from one output to the next.

    References
    ----------
    ravanelli2018sincnet

    Chapter: segmentation
    """

    MINIMUM_LOW_HZ = 50.0
    MINIMUM_BAND_HZ = 50.0

    def __init__(self, filters: int = 80, length: int = 251, stride: int = 10) -> None:
        super().__init__()
        self.stride = stride
        half = length // 2
        self.low_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(filters // 2, 1))
        # Left half only: the right half is its mirror image. n_ is 2 pi t, window_ is Hamming's.
        self.register_buffer("window_", torch.hamming_window(length, periodic=False)[:half])
        self.register_buffer("n_", 2 * torch.pi * torch.arange(-half, 0.0).view(1, -1) / SAMPLE_RATE)

    def taps(self) -> Tensor:
        """Impulse responses, shape (filters, 1, length)."""
        low = self.MINIMUM_LOW_HZ + self.low_hz_.abs()
        high = (low + self.MINIMUM_BAND_HZ + self.band_hz_.abs()).clamp(self.MINIMUM_LOW_HZ, SAMPLE_RATE / 2)
        band = high - low
        # The difference of two ideal low-pass filters, sin(2 pi f t) / (pi t), is an ideal band-pass filter.
        scale = self.window_ / (self.n_ / 2) / (2 * band)
        even = (torch.sin(high * self.n_) - torch.sin(low * self.n_)) * scale
        odd = (torch.cos(low * self.n_) - torch.cos(high * self.n_)) * scale
        one, zero = torch.ones_like(band), torch.zeros_like(band)
        cosine = torch.cat([even, one, even.flip(1)], dim=1)
        sine = torch.cat([odd, zero, -odd.flip(1)], dim=1)
        return torch.cat([cosine, sine]).unsqueeze(1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Filter (batch, 1, samples) into (batch, filters, frames)."""
        return functional.conv1d(waveforms, self.taps(), stride=self.stride)


class _FirstLayer(nn.Module):
    """Holds the filters under the name that the checkpoint uses."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters()

    def forward(self, waveforms: Tensor) -> Tensor:
        return self.filterbank(waveforms)


class SincNet(nn.Module):
    """Convolutional front-end on the raw waveform: 60 features every 270 samples (16.9 ms).

    References
    ----------
    ravanelli2018sincnet

    Chapter: segmentation
    """

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([_FirstLayer(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.pool1d = nn.ModuleList([nn.MaxPool1d(3) for _ in range(3)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(width, affine=True) for width in (80, 60, 60)])

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map (batch, 1, samples) to (batch, 60, frames)."""
        outputs = self.wav_norm1d(waveforms)
        for layer, (convolution, pool, norm) in enumerate(zip(self.conv1d, self.pool1d, self.norm1d, strict=True)):
            outputs = convolution(outputs)
            if layer == 0:
                outputs = outputs.abs()
            outputs = functional.leaky_relu(norm(pool(outputs)))
        return outputs


class PyanNet(nn.Module):
    """SincNet, four bidirectional LSTM layers, two linear layers and a classifier of seven sets of speakers.

    References
    ----------
    plaquet2023powerset, bredin2023pyannote

    Chapter: segmentation
    """

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(POWERSET))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map (batch, 1, samples) to log-probabilities (batch, frames, 7)."""
        outputs, _ = self.lstm(self.sincnet(waveforms).transpose(1, 2))
        for linear in self.linear:
            outputs = functional.leaky_relu(linear(outputs))
        return functional.log_softmax(self.classifier(outputs), dim=-1)


def _stand_in(name: str) -> type:
    """An empty class that takes the place of one that the checkpoint mentions and we do not need."""

    class StandIn:
        def __new__(cls, *_: object) -> StandIn:
            return object.__new__(cls)

    StandIn.__name__ = name
    return StandIn


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors of a pyannote checkpoint, by name, without running anything that its pickle asks for.

    PyTorch's restricted unpickler rebuilds tensors and plain containers only. The checkpoint also mentions
    three classes of pyannote.audio that describe its task: empty classes stand in for them, so
    pyannote.audio is not imported.

    Raises
    ------
    AssetError
        When the file is no such checkpoint.

    Chapter: segmentation
    """
    from torch.torch_version import TorchVersion

    task = "pyannote.audio.core.task."
    allowed = [(_stand_in(name), task + name) for name in ("Specifications", "Problem", "Resolution")]
    allowed.append((TorchVersion, "torch.torch_version.TorchVersion"))
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise AssetError(f"{path}: not a segmentation checkpoint ({reason}); run `diarbook fetch` again") from None


def build_network() -> PyanNet:
    """The network with its pretrained weights, every one of them used, in evaluation mode.

    Chapter: segmentation
    """
    network = PyanNet()
    network.load_state_dict(read_checkpoint(weights_path("segmentation-3.0")), strict=True)
    return network.eval()
