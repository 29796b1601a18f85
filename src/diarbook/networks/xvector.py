"""The x-vector network: dilated convolutions over time, statistics pooling, one linear layer.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diarbook.networks.pooling import statistics_pooling

LAYERS = ((512, 5, 1), (512, 3, 2), (512, 3, 3), (512, 1, 1), (1500, 1, 1))


class TimeDelayLayer(nn.Module):
    """A dilated convolution over time, a rectifier, batch normalization.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    width, dilation : int
        The layer sees ``width`` frames, ``dilation`` frames apart.
    padding : str
        ``none``: the output is shorter by the context, as in the x-vector paper. ``reflect`` or ``zeros``: as long
        as the input.
    slope : float
        Of the rectifier below zero; 0 is ReLU.

    Chapter: embeddings
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, dilation: int = 1, padding: str = "none", slope: float = 0.0
    ) -> None:
        super().__init__()
        margin = 0 if padding == "none" else (width - 1) * dilation // 2
        mode = "zeros" if padding == "none" else padding
        self.conv = nn.Conv1d(inputs, outputs, width, dilation=dilation, padding=margin, padding_mode=mode)
        self.norm = nn.BatchNorm1d(outputs)
        self.slope = slope

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, outputs, frames')."""
        return self.norm(torch.nn.functional.leaky_relu(self.conv(inputs), self.slope))  # eq: emb-tdnn


class XVector(nn.Module):
    """The x-vector network, up to the layer whose output is the embedding.

    Parameters
    ----------
    bands : int
        Of the features.
    dimension : int
        Of the embedding.
    layers : sequence of (channels, width, dilation)
    padding : str
        Of every layer, see :class:`TimeDelayLayer`.
    slope : float
        Of the rectifiers below zero.

    References
    ----------
    snyder2018xvectors

    Chapter: embeddings
    """

    def __init__(
        self,
        bands: int = 24,
        dimension: int = 512,
        layers: Sequence[tuple[int, int, int]] = LAYERS,
        padding: str = "none",
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [bands, *(channels for channels, _, _ in layers)]
        self.frame_layers = nn.Sequential(
            *(
                TimeDelayLayer(inputs, outputs, width, dilation, padding, slope)
                for inputs, (outputs, width, dilation) in zip(widths, layers, strict=False)
            )
        )
        self.embedding = nn.Linear(2 * widths[-1], dimension)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embed windows.

        Parameters
        ----------
        features : tensor of shape (batch, frames, bands)
        mask : tensor of shape (batch, frames'), optional
            Weight of each frame that reaches the pooling.

        Returns
        -------
        tensor of shape (batch, dimension)
        """
        return self.embedding(statistics_pooling(self.frame_layers(features.transpose(1, 2)), mask))
