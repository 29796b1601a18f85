import pytest
import torch
from pyannote.audio.models.embedding.wespeaker.resnet import ResNet34

from diarbook.errors import OptionError
from diarbook.networks.campplus import CamPlusPlus
from diarbook.networks.ecapa import EcapaTdnn, Res2NetLayer, SqueezeExcitation
from diarbook.networks.pooling import length_mask
from diarbook.networks.resnet import ResNetEmbedding
from diarbook.networks.structure import measured_receptive_field, parameter_count, receptive_field
from diarbook.networks.xvector import LAYERS, TimeDelayLayer, XVector


def randomize_norms(model: torch.nn.Module) -> None:
    """Give batch normalization running statistics that matter, so that a misplaced layer shows."""
    generator = torch.Generator().manual_seed(9)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))


def transfer(peer: torch.nn.Module, ours: torch.nn.Module) -> None:
    """Copy weights in the order of definition; shapes must agree, a width-1 convolution fits a linear layer."""
    source, target = peer.state_dict(), ours.state_dict()
    assert len(source) == len(target)
    for value, (key, slot) in zip(source.values(), target.items(), strict=True):
        assert value.numel() == slot.numel(), key
        slot.copy_(value.reshape(slot.shape))


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_xvector_equals_speechbrain(speechbrain_lobe):
    peer = speechbrain_lobe("Xvector").Xvector(in_channels=24).eval()
    randomize_norms(peer)
    peer.blocks[-2].eps = 0.0  # SpeechBrain adds random noise of up to 9e-5 to the mean, even when it evaluates
    ours = XVector(bands=24, padding="reflect", slope=0.01).eval()
    transfer(peer, ours)
    features = torch.randn(2, 60, 24)
    with torch.no_grad():
        torch.testing.assert_close(ours(features), peer(features)[:, 0], atol=1e-5, rtol=1e-5)
    assert parameter_count(ours) == parameter_count(peer)


def test_ecapa_equals_speechbrain_with_and_without_padding(speechbrain_lobe):
    peer = speechbrain_lobe("ECAPA_TDNN").ECAPA_TDNN(40, channels=[64, 64, 64, 64, 192], lin_neurons=32).eval()
    randomize_norms(peer)
    ours = EcapaTdnn(40, 32, channels=64, aggregated=192).eval()
    transfer(peer, ours)
    features = torch.randn(2, 50, 40)
    with torch.no_grad():
        torch.testing.assert_close(ours(features), peer(features)[:, 0], atol=1e-5, rtol=1e-5)
        expected = peer(features, lengths=torch.tensor([1.0, 0.5]))[:, 0]
        torch.testing.assert_close(
            ours(features, length_mask(torch.tensor([50, 25]), 50)), expected, atol=1e-5, rtol=1e-5
        )


def test_ecapa_of_the_paper_has_speechbrains_parameters(speechbrain_lobe):
    peer = speechbrain_lobe("ECAPA_TDNN").ECAPA_TDNN(80)
    assert parameter_count(EcapaTdnn()) == parameter_count(peer)


def test_resnet_equals_pyannote():
    peer = ResNet34(feat_dim=80, embed_dim=256, two_emb_layer=False).eval()
    randomize_norms(peer)
    ours = ResNetEmbedding().eval()
    transfer(peer, ours)
    features = torch.randn(1, 64, 80)
    with torch.no_grad():
        torch.testing.assert_close(ours(features), peer(features)[-1], atol=1e-4, rtol=1e-4)
    assert parameter_count(ours) == parameter_count(peer)


def test_squeeze_excitation_equals_speechbrain(speechbrain_lobe):
    peer, ours = speechbrain_lobe("ECAPA_TDNN").SEBlock(8, 3, 8).eval(), SqueezeExcitation(8, 3).eval()
    transfer(peer, ours)
    inputs = torch.randn(2, 8, 10)
    with torch.no_grad():
        torch.testing.assert_close(ours(inputs), peer(inputs))


def test_res2net_first_group_passes_and_groups_need_equal_size():
    layer, inputs = Res2NetLayer(8, scale=4).eval(), torch.randn(1, 8, 20)
    torch.testing.assert_close(layer(inputs)[:, :2], inputs[:, :2])
    with pytest.raises(OptionError, match="split into 3"):
        Res2NetLayer(8, scale=3)


def test_receptive_field_worked_by_hand_and_measured():
    # 5 wide: 5; 3 wide, 2 apart: +4; 3 wide, 3 apart: +6; the rest sees one frame: 15, as the x-vector paper says
    layers = [(width, dilation, 1) for _, width, dilation in LAYERS]
    assert receptive_field(layers) == 15
    assert measured_receptive_field(XVector().eval().frame_layers, 24, 40) == 15
    # a stride of 2 doubles what every later frame of context costs: 5 + 2 * 2 = 9
    assert receptive_field([(5, 1, 2), (3, 1, 1)]) == 9
    with pytest.raises(OptionError, match="reaches past"):
        measured_receptive_field(XVector().eval().frame_layers, 24, 15)


def test_xvector_without_padding_shortens_by_its_context():
    assert XVector().eval().frame_layers(torch.randn(1, 24, 40)).shape == (1, 1500, 40 - 14)
    assert TimeDelayLayer(4, 4, 3, 3, padding="zeros")(torch.randn(2, 4, 9)).shape == (2, 4, 9)


def test_campplus_shapes_follow_its_parameters():
    model = CamPlusPlus(bands=40, dimension=16, growth=8, blocks=((2, 1), (1, 2))).eval()
    assert model(torch.randn(3, 30, 40)).shape == (3, 16)
