"""What a network is made of: how many numbers it learned and how much sound one output frame sees.

Chapter: embeddings
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from diarbook.errors import OptionError


def parameter_count(model: nn.Module) -> int:
    """Number of learned weights, without the running means and variances of batch normalization.

    Chapter: embeddings
    """
    return sum(parameter.numel() for parameter in model.parameters())


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> int:
    """Input frames that one output frame of a chain of convolutions depends on.

    Parameters
    ----------
    layers : iterable of (width, dilation, stride)
        In frames, in the order of the layers.

    Returns
    -------
    int
        Frames.

    Chapter: embeddings
    """
    field, jump = 1, 1
    for width, dilation, stride in layers:
        field += (width - 1) * dilation * jump  # eq: emb-field
        jump *= stride
    return field


def measured_receptive_field(network: Callable[[Tensor], Tensor], bands: int, frames: int) -> int:
    """Count the input frames that the middle output frame's gradient reaches.

    Parameters
    ----------
    network : callable
        ``(1, bands, frames) -> (1, channels, frames')``, differentiable.
    bands, frames : int
        Size of the input to try; ``frames`` must exceed the receptive field.

    Raises
    ------
    OptionError
        When the gradient reaches the edge, so that the field may be larger than the input.

    Chapter: embeddings
    """
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, bands, frames, generator=generator, requires_grad=True)
    outputs = network(inputs)
    outputs[0, :, outputs.shape[-1] // 2].square().sum().backward()
    touched = torch.nonzero(inputs.grad[0].abs().sum(dim=0))[:, 0]
    if touched.min() == 0 or touched.max() == frames - 1:
        raise OptionError(f"the receptive field reaches past {frames} frames; pass more")
    return int(touched.max() - touched.min() + 1)
