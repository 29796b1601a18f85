"""SpeechBrain as a reference."""

import importlib

import pytest


@pytest.fixture(scope="session")
def speechbrain_lobe():
    """``lobe("ECAPA_TDNN")``: a module of speechbrain.lobes.models."""
    return lambda name: importlib.import_module(f"speechbrain.lobes.models.{name}")
