"""Voiceprints that can be revoked: keyed rotations and sign codes, what they cost, and how far they protect.

The functions are short so that they can be read. They show what the schemes do and where they end; a product needs a
reviewed library and a key that never lies beside the template.

Chapter: privacy
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from diarbook.errors import OptionError

if TYPE_CHECKING:
    import torch

KEY_BYTES = 32


def derive_key(secret: bytes, application: str, person: str = "") -> bytes:
    """A key for one application, or for one person in it, from a master secret.

    Other names give unrelated keys; from a key neither the secret nor another key can be computed. To revoke a
    template, change the application's name, such as ``"door 2026"`` to ``"door 2027"``.

    Parameters
    ----------
    secret : bytes
        At least 16, from :func:`secrets.token_bytes`.
    application, person : str

    Returns
    -------
    bytes
        32 of them: HMAC-SHA-256 of both names, each with its length in front.

    Raises
    ------
    OptionError
        When the secret is too short or the application has no name.

    Chapter: privacy
    """
    if len(secret) < 16:
        raise OptionError(f"the secret has {len(secret)} bytes, at least 16 are needed; use secrets.token_bytes(32)")
    if not application:
        raise OptionError("the application needs a name: keys without one would be shared between databases")
    fields = [name.encode() for name in (application, person)]
    message = b"".join(len(field).to_bytes(4, "big") + field for field in fields)  # ("ab", "c") is not ("a", "bc")
    return hmac.new(secret, message, hashlib.sha256).digest()


def keyed_normals(key: bytes, count: int) -> np.ndarray:
    """Standard normal numbers that everybody with the key computes alike, and nobody without it.

    The bits come from SHAKE-256, not from a generator for simulations: the output of those betrays their state, and
    their streams may change between versions.

    Parameters
    ----------
    key : bytes
    count : int

    Returns
    -------
    ndarray of float64, shape (count,)

    Raises
    ------
    OptionError
        When the key has not 32 bytes.

    Chapter: privacy
    """
    if len(key) != KEY_BYTES:
        raise OptionError(f"a key has {KEY_BYTES} bytes, got {len(key)}; make it with derive_key")
    words = np.frombuffer(hashlib.shake_256(key).digest(8 * count), dtype="<u8")
    uniform = ((words >> np.uint64(11)).astype(float) + 0.5) / 2.0**53  # 53 bits, never 0 or 1
    return ndtri(uniform)


def keyed_rotation(key: bytes, dimension: int) -> np.ndarray:
    """A rotation (or reflection) drawn evenly from all of them by a key.

    Parameters
    ----------
    key : bytes
        From :func:`derive_key`.
    dimension : int

    Returns
    -------
    ndarray of shape (dimension, dimension)
        Orthogonal: its transpose is its inverse.

    Raises
    ------
    OptionError
        When the dimension is not positive.

    References
    ----------
    teoh2006randomprojection

    Chapter: privacy
    """
    if dimension < 1:
        raise OptionError(f"the dimension must be 1 or more, got {dimension}")
    square = keyed_normals(key, dimension**2).reshape(dimension, dimension)
    rotation, triangle = np.linalg.qr(square)
    return rotation * np.sign(np.diag(triangle))  # without the signs it would depend on the solver


def rotate(vectors: np.ndarray, key: bytes) -> np.ndarray:
    """Rotate voiceprints by a key: cosines under one key stay, those under two keys mean nothing.

    Parameters
    ----------
    vectors : ndarray of shape (n, d) or (d,)
    key : bytes

    Chapter: privacy
    """
    vectors = np.asarray(vectors, dtype=float)
    return vectors @ keyed_rotation(key, vectors.shape[-1]).T  # eq: privacy-rotation


def rotate_back(templates: np.ndarray, key: bytes) -> np.ndarray:
    """Undo :func:`rotate`: whoever has template and key has the voiceprint.

    Chapter: privacy
    """
    templates = np.asarray(templates, dtype=float)
    return templates @ keyed_rotation(key, templates.shape[-1])


def sign_code(vectors: np.ndarray, key: bytes, bits: int) -> np.ndarray:
    """On which side of ``bits`` keyed planes a voiceprint lies: a BioHash.

    Parameters
    ----------
    vectors : ndarray of shape (n, d) or (d,)
    key : bytes
    bits : int
        At most d; the planes are at right angles.

    Returns
    -------
    ndarray of bool, shape (n, bits) or (bits,)

    Raises
    ------
    OptionError
        When ``bits`` is not 1 to d.

    References
    ----------
    jin2004biohashing, teoh2006randomprojection

    Chapter: privacy
    """
    vectors = np.asarray(vectors, dtype=float)
    if not 1 <= bits <= vectors.shape[-1]:
        raise OptionError(f"bits must be 1 to the dimension, {vectors.shape[-1]}, got {bits}")
    return rotate(vectors, key)[..., :bits] > 0  # eq: privacy-code


def agreement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of bits that two codes have in common; 0.5 is what two people have.

    Parameters
    ----------
    first : ndarray of bool, shape (n, bits) or (bits,)
    second : ndarray of bool, shape (m, bits) or (bits,)

    Returns
    -------
    ndarray of shape (n, m), without the axis of an argument that was one code

    Raises
    ------
    OptionError
        When the lengths differ.

    Chapter: privacy
    """
    first, second = np.asarray(first), np.asarray(second)
    bits = first.shape[-1]
    if bits != second.shape[-1]:
        raise OptionError(f"codes of {bits} and {second.shape[-1]} bits cannot be compared; use one length")
    return (1 + (2.0 * first - 1) @ (2.0 * second - 1).T / bits) / 2


def estimate_from_code(code: np.ndarray, key: bytes, dimension: int) -> np.ndarray:
    """What a thief of code and key makes of them: the direction in the middle of the code's region.

    Parameters
    ----------
    code : ndarray of bool, shape (n, bits) or (bits,)
    key : bytes
    dimension : int
        Of the voiceprint.

    Returns
    -------
    ndarray of shape (n, dimension) or (dimension,)
        Of unit length. With as many bits as dimensions its cosine with the voiceprint is about 0.8, the square root
        of 2 over pi.

    Chapter: privacy
    """
    code = np.asarray(code)
    bits = code.shape[-1]
    return (2.0 * code - 1) @ keyed_rotation(key, dimension)[:bits] / math.sqrt(bits)


@dataclass(frozen=True, slots=True, eq=False)
class Linkability:
    """How far scores between two databases give away who is the same person.

    Parameters
    ----------
    edges : ndarray of shape (n + 1,)
        Of the histogram's bins.
    local : ndarray of shape (n,)
        For each bin, 0 (a score here says nothing) to 1 (it proves a link).
    overall : float
        The mean of ``local`` over mated scores, 0 to 1.

    Chapter: privacy
    """

    edges: np.ndarray
    local: np.ndarray
    overall: float


def linkability(
    mated: np.ndarray, nonmated: np.ndarray, *, prior_ratio: float = 1.0, bins: int | None = None
) -> Linkability:
    """Local and global linkability of two databases.

    Parameters
    ----------
    mated, nonmated : ndarray
        Scores between a template of one database and one of the other, of one person and of two.
    prior_ratio : float
        How many times as probable a mated pair is as a non-mated one.
    bins : int, optional
        Of the histograms; by default one for every ten mated scores, 2 to 100. With few scores chance alone gives a
        value above 0: compare with that of shuffled labels.

    Returns
    -------
    Linkability

    Raises
    ------
    OptionError
        When one kind of scores is missing or not finite, or an option is out of range.

    References
    ----------
    gomezbarrero2018unlinkability

    Chapter: privacy
    """
    mated, nonmated = np.ravel(np.asarray(mated, dtype=float)), np.ravel(np.asarray(nonmated, dtype=float))
    if not len(mated) or not len(nonmated):
        raise OptionError("both kinds of scores are needed: of one person and of two")
    if not (np.isfinite(mated).all() and np.isfinite(nonmated).all()):
        raise OptionError("scores must be finite; leave out the pairs that have no score")
    if not (math.isfinite(prior_ratio) and prior_ratio > 0):
        raise OptionError(f"prior_ratio must be positive, got {prior_ratio}")
    bins = min(100, max(2, len(mated) // 10)) if bins is None else bins
    if bins < 1:
        raise OptionError(f"bins must be 1 or more, got {bins}")
    edges = np.histogram_bin_edges(np.concatenate([mated, nonmated]), bins)
    same = np.histogram(mated, edges)[0] / len(mated)
    other = np.histogram(nonmated, edges)[0] / len(nonmated)
    weight = prior_ratio * same
    posterior = np.divide(weight, weight + other, out=np.zeros(bins), where=weight + other > 0)
    local = np.maximum(0.0, 2 * posterior - 1)  # eq: privacy-local
    return Linkability(edges, local, float(same @ local))  # eq: privacy-overall


def invert_embedding(
    network: Callable[[torch.Tensor], torch.Tensor],
    target: np.ndarray,
    frames: int,
    bands: int,
    *,
    steps: int = 40,
    rate: float = 0.1,
    smoothness: float = 0.01,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Look for features that the network embeds where a stolen vector points.

    It starts from noise and follows the gradient, so the thief needs the network's weights and nothing else.

    Parameters
    ----------
    network : callable
        Differentiable, features of shape (1, frames, bands) to an embedding of shape (1, d).
    target : ndarray of shape (d,)
        The stolen vector.
    frames, bands : int
        Size of the features.
    steps : int
        Of the Adam optimizer.
    rate : float
        Its step size.
    smoothness : float
        Weight of the mean squared difference of neighbors in time and frequency.
    seed : int
        Of the noise.

    Returns
    -------
    features : ndarray of float32, shape (frames, bands)
        Their mean over the frames is 0 in every band.
    cosines : ndarray of shape (steps,)
        With the stolen vector, before each step.

    Raises
    ------
    OptionError
        When ``steps`` is not positive or the network's embedding has another dimension.

    References
    ----------
    pizzi2023inversion

    Chapter: privacy
    """
    import torch

    if steps < 1:
        raise OptionError(f"steps must be 1 or more, got {steps}")
    wanted = torch.as_tensor(np.asarray(target, dtype=np.float32))
    noise = np.random.default_rng(seed).normal(scale=0.5, size=(1, frames, bands))
    features = torch.tensor(noise, dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.Adam([features], lr=rate)
    cosines = []
    for _ in range(steps):
        embedding = network(features - features.mean(dim=1, keepdim=True))
        if embedding.shape != (1, len(wanted)):
            raise OptionError(f"the network embeds to {tuple(embedding.shape)}, the target is {len(wanted)} numbers")
        cosine = torch.cosine_similarity(embedding[0], wanted, dim=0)
        rough = sum(features.diff(dim=axis).square().mean() for axis in (1, 2))
        optimizer.zero_grad()
        (1 - cosine + smoothness * rough).backward()
        optimizer.step()
        cosines.append(float(cosine.detach()))
    result = features.detach().numpy()[0]
    return result - result.mean(axis=0), np.array(cosines)
