import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.audio.models.blocks.pooling import StatsPool

from diarbook.errors import OptionError
from diarbook.networks.pooling import AttentiveStatisticsPooling, length_mask, mean_pooling, statistics_pooling


def test_statistics_worked_by_hand():
    # channel 0: 1, 2, 3 -> mean 2, variance (1 + 0 + 1) / 2 = 1; channel 1: 0, 0, 6 -> mean 2, (4 + 4 + 16) / 2 = 12
    inputs = torch.tensor([[[1.0, 2.0, 3.0], [0.0, 0.0, 6.0]]])
    torch.testing.assert_close(statistics_pooling(inputs), torch.tensor([[2.0, 2.0, 1.0, 12.0**0.5]]))
    biased = statistics_pooling(inputs, unbiased=False)
    torch.testing.assert_close(biased, torch.tensor([[2.0, 2.0, (2 / 3) ** 0.5, 8.0**0.5]]))


def test_weighted_statistics_worked_by_hand():
    # weights 1/4, 3/4 on 0 and 4: mean 3, variance (9 + 3) / 4 = 3
    inputs, weights = torch.tensor([[[0.0, 4.0]]]), torch.tensor([[0.25, 0.75]])
    torch.testing.assert_close(statistics_pooling(inputs, weights, unbiased=False), torch.tensor([[3.0, 3.0**0.5]]))
    torch.testing.assert_close(mean_pooling(inputs, weights), torch.tensor([[3.0]]))


def test_mask_is_the_same_as_cutting_the_padding_off():
    inputs = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(1))
    mask = length_mask(torch.tensor([9, 6]), 9)
    assert mask.sum(dim=1).tolist() == [9, 6]
    masked = statistics_pooling(inputs, mask)
    torch.testing.assert_close(masked[:1], statistics_pooling(inputs[:1]))
    torch.testing.assert_close(masked[1:], statistics_pooling(inputs[1:, :, :6]))
    torch.testing.assert_close(mean_pooling(inputs, mask)[1], inputs[1, :, :6].mean(dim=-1))


def test_a_mask_of_nothing_is_nan_not_zero():
    assert mean_pooling(torch.ones(1, 2, 3), torch.zeros(1, 3)).isnan().all()
    assert statistics_pooling(torch.ones(1, 2, 3), torch.zeros(1, 3)).isnan().all()


@pytest.mark.parametrize("lengths", [[0, 3], [4, 3]])
def test_lengths_outside_the_batch_are_refused(lengths):
    with pytest.raises(OptionError, match="1 to 3 frames"):
        length_mask(torch.tensor(lengths), 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 30), st.integers(1, 6), st.booleans())
def test_statistics_equal_pyannote(seed, frames, channels, soft):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(2, channels, frames, generator=generator, dtype=torch.float64)
    weights = 0.1 + torch.rand(2, frames, generator=generator, dtype=torch.float64) if soft else None
    torch.testing.assert_close(statistics_pooling(inputs, weights), StatsPool()(inputs, weights), atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_order_of_frames_does_not_matter_and_shift_moves_only_the_mean(seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(1, 3, 20, generator=generator, dtype=torch.float64)
    pooled = statistics_pooling(inputs)
    torch.testing.assert_close(statistics_pooling(inputs[..., torch.randperm(20, generator=generator)]), pooled)
    moved = statistics_pooling(inputs + 7)
    torch.testing.assert_close(moved[:, :3], pooled[:, :3] + 7)
    torch.testing.assert_close(moved[:, 3:], pooled[:, 3:])


@pytest.mark.parametrize("context", [True, False])
def test_attentive_pooling_equals_speechbrain(context, speechbrain_lobe):
    torch.manual_seed(3)
    ours = AttentiveStatisticsPooling(12, 5, context).eval()
    peer = speechbrain_lobe("ECAPA_TDNN").AttentiveStatisticsPooling(12, 5, context).eval()
    ours.project.load_state_dict(peer.tdnn.conv.conv.state_dict())
    ours.norm.load_state_dict(peer.tdnn.norm.norm.state_dict())
    ours.score.load_state_dict(peer.conv.conv.state_dict())
    inputs = torch.randn(3, 12, 40)
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), peer(inputs)[..., 0], atol=1e-6, rtol=1e-5)
        mask = length_mask(torch.tensor([40, 20, 10]), 40)
        expected = peer(inputs, lengths=torch.tensor([1.0, 0.5, 0.25]))[..., 0]
        torch.testing.assert_close(ours(inputs, mask), expected, atol=1e-6, rtol=1e-5)


def test_attention_sums_to_one_over_the_kept_frames():
    torch.manual_seed(4)
    pooling, mask = AttentiveStatisticsPooling(6, 4).eval(), length_mask(torch.tensor([8, 3]), 8)
    weights = pooling.attention(torch.randn(2, 6, 8), mask)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 6))
    assert weights[1, :, 3:].abs().max() == 0


def test_attention_that_cannot_tell_frames_apart_is_statistics_pooling():
    pooling = AttentiveStatisticsPooling(6, 4).eval()
    torch.nn.init.zeros_(pooling.score.weight)
    inputs = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        pooling(inputs).detach(), statistics_pooling(inputs, unbiased=False), rtol=1e-5, atol=1e-6
    )
