"""How alike two voices are: the angle between their embeddings.

Chapter: embeddings
"""

from __future__ import annotations

import numpy as np

from diarbook.errors import OptionError

UNIT_TOLERANCE = 1e-6
"""How far the length of a float32 vector may be from 1: rounding to float32 moves it by 6e-8 at most."""


BLOCK_ROWS = 16_384


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Divide each vector by its length.

    Parameters
    ----------
    vectors : array of shape (..., d)

    Returns
    -------
    ndarray of the same shape
        NaN rows stay NaN; a zero vector, which has no direction, becomes NaN.

    Chapter: embeddings
    """
    vectors = np.asarray(vectors)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(
        vectors, length, out=np.full(vectors.shape, np.nan, np.result_type(vectors, 0.0)), where=length > 0
    )


def unit_float32(vectors: np.ndarray) -> np.ndarray:
    """Vectors of unit length in float32, the form in which stores keep them.

    A vector whose length is 1 already, as far as float32 can hold, keeps every bit: what is normalized once stays as
    it is, however often it is read and written.

    Parameters
    ----------
    vectors : array of shape (..., d)

    Returns
    -------
    ndarray of float32, of the same shape
        A copy. A vector of no length, or that is not finite, becomes NaN.

    Examples
    --------
    >>> unit_float32([3.0, 4.0])
    array([0.6, 0.8], dtype=float32)

    Chapter: embeddings
    """
    vectors = np.asarray(vectors)
    result = np.full(vectors.shape, np.nan, dtype=np.float32)
    if not vectors.ndim or not vectors.size:
        return result
    flat, units = vectors.reshape(-1, vectors.shape[-1]), result.reshape(-1, vectors.shape[-1])
    for start in range(0, len(flat), BLOCK_ROWS):  # a million vectors are not held in float64 at once
        block = slice(start, start + BLOCK_ROWS)
        wide = flat[block].astype(np.float64)
        with np.errstate(over="ignore"):
            length = np.linalg.norm(wide, axis=-1, keepdims=True)
        length[~(np.isfinite(length) & (length > 0))] = np.nan
        length[np.abs(length - 1) < UNIT_TOLERANCE] = 1.0
        units[block] = wide / length
    return result


def cosine_similarity(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Cosine of the angle between every embedding of one set and every embedding of another.

    Parameters
    ----------
    first : array of shape (n, d) or (d,)
    second : array of shape (m, d) or (d,), optional
        By default the first set again.

    Returns
    -------
    ndarray of shape (n, m), without the axis of an argument that was one vector
        Between -1 and 1; NaN where a vector is NaN or zero.

    Raises
    ------
    OptionError
        When the dimensions differ.

    Chapter: embeddings
    """
    first = np.asarray(first)
    second = first if second is None else np.asarray(second)
    if first.shape[-1] != second.shape[-1]:
        raise OptionError(
            f"embeddings of {first.shape[-1]} and {second.shape[-1]} dimensions come from different models; "
            "embed both with one"
        )
    return np.clip(unit_length(first) @ unit_length(second).T, -1.0, 1.0)  # eq: emb-cosine
