"""ECAPA-TDNN: a TDNN with multi-scale, channel-weighted residual blocks and attentive pooling.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diarbook.errors import OptionError
from diarbook.networks.pooling import AttentiveStatisticsPooling, mean_pooling
from diarbook.networks.xvector import TimeDelayLayer


class Res2NetLayer(nn.Module):
    """Split the channels into groups; each group's convolution also sees the result of the group before it.

    One layer holds several receptive fields: the first group passes as it is, the last one went through
    ``scale - 1`` convolutions.

    References
    ----------
    gao2021res2net

    Chapter: embeddings
    """

    def __init__(self, channels: int, scale: int = 8, width: int = 3, dilation: int = 2) -> None:
        super().__init__()
        if scale < 2 or channels % scale:
            raise OptionError(f"{channels} channels cannot be split into {scale} equal groups of 2 or more")
        group = channels // scale
        self.layers = nn.ModuleList(
            TimeDelayLayer(group, group, width, dilation, padding="reflect") for _ in range(scale - 1)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, frames) to the same shape."""
        first, *rest = inputs.chunk(len(self.layers) + 1, dim=1)
        outputs = [first]
        for layer, group in zip(self.layers, rest, strict=True):
            outputs.append(layer(group + outputs[-1] if len(outputs) > 1 else group))  # eq: emb-res2net
        return torch.cat(outputs, dim=1)


class SqueezeExcitation(nn.Module):
    """Weigh every channel of a stretch by what the whole stretch looks like.

    References
    ----------
    hu2018squeeze

    Chapter: embeddings
    """

    def __init__(self, channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def gate(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights between 0 and 1, shape (batch, channels)."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(mean_pooling(inputs, mask)))))  # eq: emb-squeeze

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, channels, frames) to the same shape."""
        return inputs * self.gate(inputs, mask)[..., None]


class SqueezeRes2NetBlock(nn.Module):
    """The repeated block of ECAPA-TDNN, with a shortcut around it.

    References
    ----------
    desplanques2020ecapa

    Chapter: embeddings
    """

    def __init__(self, channels: int, dilation: int, scale: int = 8, hidden: int = 128) -> None:
        super().__init__()
        self.enter = TimeDelayLayer(channels, channels, 1)
        self.multiscale = Res2NetLayer(channels, scale, 3, dilation)
        self.leave = TimeDelayLayer(channels, channels, 1)
        self.channel_weights = SqueezeExcitation(channels, hidden)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, channels, frames) to the same shape."""
        return inputs + self.channel_weights(self.leave(self.multiscale(self.enter(inputs))), mask)


class EcapaTdnn(nn.Module):
    """ECAPA-TDNN: mel bands in, a speaker embedding out.

    Parameters
    ----------
    bands : int
        Of the features.
    dimension : int
        Of the embedding.
    channels : int
        512 or 1024 in the paper.
    dilations : sequence of int
        One block each.
    scale : int
        Groups of a Res2Net layer.
    hidden : int
        Width of the attention and of the squeeze.
    aggregated : int
        Channels that the blocks' outputs are joined into.

    References
    ----------
    desplanques2020ecapa

    Chapter: embeddings
    """

    def __init__(
        self,
        bands: int = 80,
        dimension: int = 192,
        channels: int = 512,
        dilations: Sequence[int] = (2, 3, 4),
        scale: int = 8,
        hidden: int = 128,
        aggregated: int = 1536,
    ) -> None:
        super().__init__()
        self.first = TimeDelayLayer(bands, channels, 5, padding="reflect")
        self.blocks = nn.ModuleList(SqueezeRes2NetBlock(channels, d, scale, hidden) for d in dilations)
        self.aggregate = TimeDelayLayer(channels * len(dilations), aggregated, 1)
        self.pool = AttentiveStatisticsPooling(aggregated, hidden)
        self.norm = nn.BatchNorm1d(2 * aggregated)
        self.embedding = nn.Linear(2 * aggregated, dimension)

    def frames(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Frame-level outputs of shape (batch, aggregated, frames), before pooling."""
        outputs = [self.first(features.transpose(1, 2))]
        for block in self.blocks:
            outputs.append(block(outputs[-1], mask))
        return self.aggregate(torch.cat(outputs[1:], dim=1))  # eq: emb-aggregate

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embed windows.

        Parameters
        ----------
        features : tensor of shape (batch, frames, bands)
        mask : tensor of shape (batch, frames), optional
            0 for the padding of shorter items.

        Returns
        -------
        tensor of shape (batch, dimension)
        """
        return self.embedding(self.norm(self.pool(self.frames(features, mask), mask)))
