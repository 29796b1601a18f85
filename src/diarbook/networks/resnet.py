"""A ResNet over the spectrogram, as over a picture: the family behind WeSpeaker's and pyannote's embeddings.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diarbook.networks.pooling import statistics_pooling


class ResidualBlock2d(nn.Module):
    """Two 3x3 convolutions over (frequency, time) with a shortcut around them.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : (int, int)
        How much the block shrinks frequency and time.

    References
    ----------
    he2016resnet

    Chapter: embeddings
    """

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != (1, 1) or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, bands, frames) to (batch, outputs, bands', frames')."""
        residual = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(maps)))))
        return torch.relu(residual + self.shortcut(maps))  # eq: emb-residual


class ResNetEmbedding(nn.Module):
    """ResNet34 for voices: 80 mel bands in, a 256-dimensional embedding out.

    Parameters
    ----------
    bands : int
        Mel bands, a multiple of 8.
    dimension : int
        Of the embedding.
    channels : int
        Of the first stage; each later stage doubles them and halves frequency and time.
    blocks : sequence of int
        Residual blocks of each stage; 3, 4, 6, 3 make the 34 layers.

    References
    ----------
    he2016resnet, wang2023wespeaker

    Chapter: embeddings
    """

    def __init__(
        self, bands: int = 80, dimension: int = 256, channels: int = 32, blocks: Sequence[int] = (3, 4, 6, 3)
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        stages, inputs = [], channels
        for number, count in enumerate(blocks):
            outputs = channels * 2**number
            stride = (1, 1) if number == 0 else (2, 2)
            stages.append(
                nn.Sequential(
                    ResidualBlock2d(inputs, outputs, stride),
                    *(ResidualBlock2d(outputs, outputs) for _ in range(count - 1)),
                )
            )
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        shrink = 2 ** (len(blocks) - 1)
        self.embedding = nn.Linear(2 * inputs * (bands // shrink), dimension)

    def forward(self, features: Tensor) -> Tensor:
        """Embed windows of equal length.

        Parameters
        ----------
        features : tensor of shape (batch, frames, bands)

        Returns
        -------
        tensor of shape (batch, dimension)
        """
        maps = torch.relu(self.bn1(self.conv1(features.transpose(1, 2)[:, None])))
        return self.embedding(statistics_pooling(self.stages(maps).flatten(1, 2)))
