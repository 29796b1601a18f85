import torch

from diarbook import assets
from diarbook.networks.campplus import CamPlusPlus, load_campplus, segment_means
from diarbook.networks.structure import parameter_count


def test_every_released_weight_is_loaded_and_used():
    released = torch.load(assets.weights_path("campplus"), map_location="cpu", weights_only=True)
    model = load_campplus(assets.weights_path("campplus"))
    assert len(released) == 937
    assert set(model.state_dict()) == set(released)
    for key, value in model.state_dict().items():
        assert torch.equal(value, released[key]), key
    assert not model.training
    assert parameter_count(model) == parameter_count(CamPlusPlus()) == 6_848_544


def test_segment_means_worked_by_hand():
    # segments of 2: (1, 3) -> 2; (5, 7) -> 6; the last one has a single frame, 9
    inputs = torch.tensor([[[1.0, 3.0, 5.0, 7.0, 9.0]]])
    assert segment_means(inputs, 2).tolist() == [[[2.0, 2.0, 6.0, 6.0, 9.0]]]
    assert segment_means(inputs, 100).tolist() == [[[5.0] * 5]]


def test_weights_get_gradients():
    model = CamPlusPlus(blocks=((2, 1), (2, 2), (1, 2))).train()
    model(torch.randn(2, 40, 80, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
