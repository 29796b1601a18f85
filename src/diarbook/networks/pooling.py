"""Pooling: a stretch of any length becomes one vector of a fixed size.

Tensors are (batch, channels, frames) and weights (batch, frames) or (batch, channels, frames).

Chapter: embeddings
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diarbook.errors import OptionError


def length_mask(lengths: Tensor, frames: int) -> Tensor:
    """1 for the frames of each item, 0 for its padding.

    Parameters
    ----------
    lengths : tensor of int, shape (batch,)
        Number of real frames of each item.
    frames : int
        Length that the batch was padded to.

    Returns
    -------
    tensor of float, shape (batch, frames)

    Raises
    ------
    OptionError
        When a length is not between 1 and ``frames``.

    Chapter: embeddings
    """
    if int(lengths.min()) < 1 or int(lengths.max()) > frames:
        raise OptionError(f"lengths must be 1 to {frames} frames, got {lengths.tolist()}")
    return (torch.arange(frames, device=lengths.device)[None] < lengths[:, None]).float()


def _broadcast(weights: Tensor, inputs: Tensor) -> Tensor:
    return weights[:, None] if weights.ndim == inputs.ndim - 1 else weights


def mean_pooling(inputs: Tensor, weights: Tensor | None = None) -> Tensor:
    """Average over time, each frame counted by its weight.

    Parameters
    ----------
    inputs : tensor of shape (batch, channels, frames)
    weights : tensor of shape (batch, frames) or (batch, channels, frames), optional
        0 leaves a frame out; all 1 by default.

    Returns
    -------
    tensor of shape (batch, channels)
        NaN where the weights sum to 0.

    Chapter: embeddings
    """
    if weights is None:
        return inputs.mean(dim=-1)
    weights = _broadcast(weights, inputs)
    return (weights * inputs).sum(dim=-1) / weights.sum(dim=-1)  # eq: emb-mean


def statistics_pooling(
    inputs: Tensor, weights: Tensor | None = None, *, unbiased: bool = True, floor: float = 0.0
) -> Tensor:
    """Mean and standard deviation over time, side by side.

    Parameters
    ----------
    inputs : tensor of shape (batch, channels, frames)
    weights : tensor of shape (batch, frames) or (batch, channels, frames), optional
        How much each frame counts: a mask of padding or of another speaker's speech. All 1 by default.
    unbiased : bool
        Correct the variance for the mean's having been estimated from the same frames: without weights, divide by
        the number of frames minus 1. The released CAM++ does; attentive pooling does not.
    floor : float
        Least variance; keeps the square root's gradient finite.

    Returns
    -------
    tensor of shape (batch, 2 * channels)

    References
    ----------
    snyder2018xvectors

    Chapter: embeddings
    """
    if weights is None:
        weights = torch.ones_like(inputs[:, :1])
    weights = _broadcast(weights, inputs)
    count = weights.sum(dim=-1)
    mean = (weights * inputs).sum(dim=-1) / count  # eq: emb-mean
    squares = (weights * (inputs - mean[..., None]).square()).sum(dim=-1)
    if unbiased:
        count = count - weights.square().sum(dim=-1) / count
    variance = squares / count  # eq: emb-deviation
    if floor:
        variance = variance.clamp(min=floor)
    return torch.cat([mean, variance.sqrt()], dim=1)


class AttentiveStatisticsPooling(nn.Module):
    """Statistics pooling whose weights a small network chooses, for every channel and frame.

    Parameters
    ----------
    channels : int
        Of the input.
    hidden : int
        Width of the attention network.
    context : bool
        Show the attention each frame beside the mean and deviation of the whole stretch, as ECAPA-TDNN does.

    References
    ----------
    okabe2018attentive, desplanques2020ecapa

    Chapter: embeddings
    """

    def __init__(self, channels: int, hidden: int = 128, context: bool = True) -> None:
        super().__init__()
        self.context = context
        self.project = nn.Conv1d(channels * (3 if context else 1), hidden, 1)
        self.norm = nn.BatchNorm1d(hidden)
        self.score = nn.Conv1d(hidden, channels, 1)

    def attention(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Weights of shape (batch, channels, frames) that sum to 1 over the frames that the mask keeps."""
        if mask is None:
            mask = torch.ones_like(inputs[:, 0])
        shown = inputs
        if self.context:
            whole = statistics_pooling(inputs, mask, unbiased=False, floor=1e-12)
            shown = torch.cat([inputs, whole[..., None].expand(-1, -1, inputs.shape[-1])], dim=1)
        scores = self.score(torch.tanh(self.norm(torch.relu(self.project(shown)))))  # eq: emb-score
        return torch.softmax(scores.masked_fill(mask[:, None] == 0, float("-inf")), dim=-1)  # eq: emb-attention

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, channels, frames) to (batch, 2 * channels)."""
        return statistics_pooling(
            inputs, self.attention(inputs, mask), unbiased=False, floor=1e-12
        )  # eq: emb-attentive
