import hashlib
import hmac
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from diarbook.errors import OptionError
from diarbook.protection import (
    agreement,
    derive_key,
    estimate_from_code,
    invert_embedding,
    keyed_normals,
    keyed_rotation,
    linkability,
    rotate,
    rotate_back,
    sign_code,
)

SECRET = bytes(range(32))
KEY = derive_key(SECRET, "door", "ann")


def units(count, dimension, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dimension))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_keys_against_the_standard_library():
    message = b"\0\0\0\4door\0\0\0\3ann"
    assert hmac.new(SECRET, message, hashlib.sha256).digest() == KEY
    names = [("door", "ann"), ("door", "bob"), ("gate", "ann"), ("doo", "rann"), ("doora", "nn"), ("door", "")]
    assert len({derive_key(SECRET, *pair) for pair in names}) == len(names)
    assert derive_key(SECRET[::-1], "door", "ann") != KEY


@pytest.mark.parametrize(("secret", "application"), [(b"short", "door"), (SECRET, "")])
def test_weak_keys_are_refused(secret, application):
    with pytest.raises(OptionError):
        derive_key(secret, application)


def test_keyed_numbers_are_normal_repeatable_and_the_same_everywhere():
    numbers = keyed_normals(KEY, 20_000)
    assert kstest(numbers, "norm").pvalue > 0.001
    np.testing.assert_array_equal(numbers[:10], keyed_normals(KEY, 10))
    assert abs(np.corrcoef(numbers, keyed_normals(derive_key(SECRET, "gate"), 20_000))[0, 1]) < 0.05
    word = int.from_bytes(hashlib.shake_256(KEY).digest(8), "little")
    assert math.erf(numbers[0] / math.sqrt(2)) / 2 + 0.5 == pytest.approx(word / 2**64, abs=1e-9)
    with pytest.raises(OptionError, match="make it with derive_key"):
        keyed_normals(b"key", 3)


@given(st.integers(1, 24), st.binary(min_size=32, max_size=32))
@settings(max_examples=30, deadline=None)
def test_rotations_keep_cosines_and_are_undone_by_the_key(dimension, key):
    vectors = units(5, dimension)
    rotation = keyed_rotation(key, dimension)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(dimension), atol=1e-9)
    templates = rotate(vectors, key)
    np.testing.assert_allclose(templates @ templates.T, vectors @ vectors.T, atol=1e-9)
    np.testing.assert_allclose(rotate_back(templates, key), vectors, atol=1e-9)
    np.testing.assert_allclose(rotate(vectors[0], key), templates[0], atol=1e-12)


def test_two_keys_share_nothing():
    vectors = units(300, 192)
    across = (rotate(vectors, KEY) * rotate(vectors, derive_key(SECRET, "gate"))).sum(axis=1)
    assert abs(across.mean()) < 0.02
    assert across.std() == pytest.approx(1 / math.sqrt(192), rel=0.15)
    codes = [sign_code(vectors, key, 64) for key in (KEY, derive_key(SECRET, "gate"))]
    assert np.mean(codes[0] == codes[1]) == pytest.approx(0.5, abs=0.02)


def test_the_rotation_is_drawn_evenly():
    first = np.array([keyed_rotation(derive_key(SECRET, str(number)), 3)[:, 0] for number in range(800)])
    for coordinate in first.T:  # a coordinate of a random direction in space is uniform
        assert kstest(coordinate, "uniform", (-1, 2)).pvalue > 0.001


def test_codes_by_hand():
    vectors = units(2, 8)
    expected = [[vector @ row > 0 for row in keyed_rotation(KEY, 8)[:5]] for vector in vectors]
    np.testing.assert_array_equal(sign_code(vectors, KEY, 5), expected)
    one, two = np.array([True, True, False, False]), np.array([True, False, False, False])
    assert agreement(one, two) == 0.75
    assert agreement(one, ~one) == 0
    np.testing.assert_allclose(agreement(np.array([one, two]), np.array([one])), [[1.0], [0.75]])
    with pytest.raises(OptionError, match="4 and 3 bits"):
        agreement(one, two[:3])
    for bits in (0, 9):
        with pytest.raises(OptionError, match="bits must be 1 to the dimension, 8"):
            sign_code(vectors, KEY, bits)


def test_bits_agree_as_often_as_the_angle_says():
    vectors = units(2000, 64)
    mixed = vectors + 0.08 * np.random.default_rng(1).normal(size=vectors.shape)
    angle = np.arccos((vectors * mixed).sum(axis=1) / np.linalg.norm(mixed, axis=1))
    measured = (sign_code(vectors, KEY, 64) == sign_code(mixed, KEY, 64)).mean()
    assert measured == pytest.approx(1 - angle.mean() / math.pi, abs=0.01)


def test_a_stolen_key_gives_back_most_of_the_direction():
    vectors = units(50, 192)
    for bits, expected in ((192, math.sqrt(2 / math.pi)), (48, math.sqrt(2 / math.pi) / 2)):
        estimates = np.array([estimate_from_code(sign_code(v, KEY, bits), KEY, 192) for v in vectors])
        np.testing.assert_allclose(np.linalg.norm(estimates, axis=1), 1)
        assert (estimates * vectors).sum(axis=1).mean() == pytest.approx(expected, abs=0.02)


def test_linkability_by_hand():
    # Bin 0 holds 1/4 of the mated and 3/4 of the others, bin 1 the rest: ratios 1/3 and 3, so D = 0 and 2 * 3/4 - 1.
    result = linkability([0, 1, 1, 1], [0, 0, 0, 1], bins=2)
    np.testing.assert_allclose(result.local, [0.0, 0.5])
    assert result.overall == pytest.approx(0.75 * 0.5)
    # With mated pairs nine times rarer the ratio 3 becomes 1/3: no score proves anything.
    assert linkability([0, 1, 1, 1], [0, 0, 0, 1], bins=2, prior_ratio=1 / 9).overall == 0
    assert linkability([1.0, 1.0], [0.0, 0.0], bins=2).overall == 1
    assert linkability([0.0, 1.0], [0.0, 1.0], bins=2).overall == 0


@given(st.integers(0, 999), st.floats(-5, 5), st.floats(0.1, 10))
def test_linkability_does_not_depend_on_unit_or_origin(seed, shift, scale):
    rng = np.random.default_rng(seed)
    mated, others = rng.integers(0, 64, 60) + 8.0, rng.integers(0, 64, 90) * 1.0
    first = linkability(mated, others, bins=4)
    second = linkability(mated * 2**3 + 16, others * 2**3 + 16, bins=4)
    assert first.overall == pytest.approx(second.overall)
    assert 0 <= first.overall <= 1
    assert ((first.local >= 0) & (first.local <= 1)).all()
    assert linkability(mated * scale + shift, others * scale + shift).overall <= 1


@pytest.mark.parametrize(
    ("mated", "others", "options"),
    [
        ([], [1.0], {}),
        ([1.0], [], {}),
        ([np.nan], [1.0], {}),
        ([1.0], [0.0], {"prior_ratio": 0}),
        ([1.0], [0.0], {"bins": 0}),
    ],
)
def test_linkability_refuses_input_without_sense(mated, others, options):
    with pytest.raises(OptionError):
        linkability(mated, others, **options)


def test_a_rotation_needs_a_dimension():
    with pytest.raises(OptionError, match="the dimension must be 1 or more"):
        keyed_rotation(KEY, 0)


def test_a_vector_is_inverted_by_following_the_gradient():
    torch.manual_seed(0)
    weights = torch.randn(6, 4)

    def network(features):
        return torch.tanh(features).square().mean(dim=1) @ weights  # what is left of the features' size

    target = network(torch.randn(1, 30, 6) * torch.tensor([3.0, 0.1, 0.1, 0.1, 0.1, 0.1]))[0].numpy()
    features, cosines = invert_embedding(network, target, 30, 6, steps=60)
    assert cosines[0] < 0.9
    assert cosines[-1] > 0.98
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    estimates = network(torch.tensor(features)[None])[0].numpy()
    assert estimates @ target / np.linalg.norm(estimates) / np.linalg.norm(target) > 0.98
    again, _ = invert_embedding(network, target, 30, 6, steps=60)
    np.testing.assert_array_equal(features, again)
    with pytest.raises(OptionError, match="the target is 3 numbers"):
        invert_embedding(network, target[:3], 30, 6)
    with pytest.raises(OptionError, match="steps must be 1 or more"):
        invert_embedding(network, target, 30, 6, steps=0)
