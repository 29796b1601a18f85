"""Invented people for the tests of stores."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from diarbook.voiceprints.voiceprint import Consent, Voiceprint

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)


def person(name="Ann", seed=0, dimension=8, **changes):
    values = {
        "name": name,
        "vector": np.random.default_rng(seed).normal(size=dimension),
        "model": "campplus",
        "model_version": "v1",
        "net_speech": 9.5,
        "samples": 3,
        "quality": 0.75,
        "created": GIVEN,
        "consent": Consent("agreed", GIVEN),
        "metadata": {"language": "pl"},
    }
    return Voiceprint(**values | changes)


def same(first, second):
    np.testing.assert_array_equal(first.vector, second.vector)
    np.testing.assert_array_equal(first.template, second.template)
    assert (first.enrolled is None) == (second.enrolled is None)
    plain = {"vector": np.ones(1), "enrolled": None, "quality": 0.0, "metadata": {}}
    assert replace(first, **plain, samples=1).name == second.name
    for field in ("model", "model_version", "net_speech", "samples", "created", "consent"):
        assert getattr(first, field) == getattr(second, field)
    assert dict(first.metadata) == dict(second.metadata)
    assert first.quality == second.quality or (math.isnan(first.quality) and math.isnan(second.quality))
