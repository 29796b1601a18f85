"""CAM++: a densely connected TDNN whose every layer is gated by its context.

The names of the parts are those of the released weights, so that their state dictionary loads as it is.

Chapter: embeddings
"""

from __future__ import annotations

from collections import OrderedDict
from os import PathLike

import torch
from torch import Tensor, nn
from torch.nn import functional

from diarbook.networks.pooling import statistics_pooling
from diarbook.networks.resnet import ResidualBlock2d

BANDS = 80
DIMENSION = 192
SEGMENT_FRAMES = 100


def _norm_relu(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class FrontConvolution(nn.Module):
    """The head of CAM++: a small 2-D ResNet that makes it robust to a shift of the bands.

    References
    ----------
    wang2023campplus

    Chapter: embeddings
    """

    def __init__(self, bands: int = BANDS, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(ResidualBlock2d(channels, channels, (2, 1)), ResidualBlock2d(channels, channels))
        self.layer2 = nn.Sequential(ResidualBlock2d(channels, channels, (2, 1)), ResidualBlock2d(channels, channels))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.channels = channels * (bands // 8)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, bands, frames) to (batch, channels, frames): an eighth of the bands, 32 maps each."""
        maps = torch.relu(self.bn1(self.conv1(features[:, None])))
        maps = torch.relu(self.bn2(self.conv2(self.layer2(self.layer1(maps)))))
        return maps.flatten(1, 2)


class TdnnLayer(nn.Module):
    """A convolution over time, batch normalization and ReLU.

    Chapter: embeddings
    """

    def __init__(self, inputs: int, outputs: int, width: int = 5, stride: int = 2) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, width, stride, padding=width // 2, bias=False)
        self.nonlinear = _norm_relu(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, outputs, frames / stride)."""
        return self.nonlinear(self.linear(inputs))


def segment_means(inputs: Tensor, length: int = SEGMENT_FRAMES) -> Tensor:
    """Replace every frame by the mean of the segment of ``length`` frames that it lies in.

    Parameters
    ----------
    inputs : tensor of shape (batch, channels, frames)
    length : int
        Frames in a segment; the last segment may be shorter and is averaged over what it has.

    Returns
    -------
    tensor of shape (batch, channels, frames)

    Chapter: embeddings
    """
    frames = inputs.shape[-1]
    means = functional.avg_pool1d(inputs, length, length, ceil_mode=True, count_include_pad=False)
    return means[..., None].expand(-1, -1, -1, length).flatten(2)[..., :frames]


class ContextMask(nn.Module):
    """Context-aware masking: what is around a frame decides how much of each channel passes.

    References
    ----------
    wang2023campplus

    Chapter: embeddings
    """

    def __init__(self, inputs: int, outputs: int, width: int, dilation: int, reduction: int = 2) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            inputs, outputs, width, padding=width // 2 * dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(inputs, inputs // reduction, 1)
        self.linear2 = nn.Conv1d(inputs // reduction, outputs, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, outputs, frames)."""
        context = inputs.mean(dim=-1, keepdim=True) + segment_means(inputs)  # eq: emb-context
        mask = torch.sigmoid(self.linear2(torch.relu(self.linear1(context))))  # eq: emb-mask
        return self.linear_local(inputs) * mask  # eq: emb-gate


class DenseTdnnLayer(nn.Module):
    """One layer of a dense block: squeeze to a bottleneck, then a masked convolution adds 32 channels.

    Chapter: embeddings
    """

    def __init__(self, inputs: int, growth: int, bottleneck: int, width: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _norm_relu(inputs)
        self.linear1 = nn.Conv1d(inputs, bottleneck, 1, bias=False)
        self.nonlinear2 = _norm_relu(bottleneck)
        self.cam_layer = ContextMask(bottleneck, growth, width, dilation)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, growth, frames)."""
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(inputs))))


class DenseBlock(nn.Module):
    """Layers that each see the outputs of all before them.

    References
    ----------
    wang2023campplus

    Chapter: embeddings
    """

    def __init__(self, layers: int, inputs: int, growth: int, bottleneck: int, width: int, dilation: int) -> None:
        super().__init__()
        for index in range(layers):
            layer = DenseTdnnLayer(inputs + index * growth, growth, bottleneck, width, dilation)
            self.add_module(f"tdnnd{index + 1}", layer)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, inputs + layers * growth, frames)."""
        for layer in self.children():
            inputs = torch.cat([inputs, layer(inputs)], dim=1)
        return inputs


class Transition(nn.Module):
    """Halve the channels between two dense blocks.

    Chapter: embeddings
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.nonlinear = _norm_relu(inputs)
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, frames) to (batch, outputs, frames)."""
        return self.linear(self.nonlinear(inputs))


class Statistics(nn.Module):
    """Statistics pooling as a layer.

    Chapter: embeddings
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, frames) to (batch, 2 * channels)."""
        return statistics_pooling(inputs)


class Projection(nn.Module):
    """The last linear layer and a batch normalization without scale or shift.

    Chapter: embeddings
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(outputs, affine=False)))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs) to (batch, outputs)."""
        return self.nonlinear(self.linear(inputs[..., None])[..., 0])


class CamPlusPlus(nn.Module):
    """CAM++: 80 mel bands in, a 192-dimensional speaker embedding out.

    Parameters
    ----------
    bands : int
        Mel bands, a multiple of 8.
    dimension : int
        Of the embedding.
    growth : int
        Channels that each dense layer adds.
    blocks : sequence of (layers, dilation)

    References
    ----------
    wang2023campplus

    Chapter: embeddings
    """

    def __init__(
        self,
        bands: int = BANDS,
        dimension: int = DIMENSION,
        growth: int = 32,
        blocks: tuple[tuple[int, int], ...] = ((12, 1), (24, 2), (16, 2)),
    ) -> None:
        super().__init__()
        self.head = FrontConvolution(bands)
        channels = 128
        parts: OrderedDict[str, nn.Module] = OrderedDict(tdnn=TdnnLayer(self.head.channels, channels))
        for number, (layers, dilation) in enumerate(blocks, 1):
            parts[f"block{number}"] = DenseBlock(layers, channels, growth, 4 * growth, 3, dilation)
            channels += layers * growth
            parts[f"transit{number}"] = Transition(channels, channels // 2)
            channels //= 2
        parts["out_nonlinear"] = _norm_relu(channels)
        parts["stats"] = Statistics()
        parts["dense"] = Projection(2 * channels, dimension)
        self.xvector = nn.Sequential(parts)

    def forward(self, features: Tensor) -> Tensor:
        """Embed windows of equal length.

        Parameters
        ----------
        features : tensor of shape (batch, frames, bands)
            Log mel energies, the window's mean removed.

        Returns
        -------
        tensor of shape (batch, dimension)
        """
        return self.xvector(self.head(features.transpose(1, 2)))


def load_campplus(path: str | PathLike[str]) -> CamPlusPlus:
    """Build CAM++ and load the released weights: every key must match.

    Chapter: embeddings
    """
    model = CamPlusPlus()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return model.eval()
