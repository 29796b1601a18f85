"""SpeechBrain as a reference, made safe for the tests that follow."""

import importlib
import sys

import pytest


@pytest.fixture(scope="session")
def speechbrain_lobe():
    """``lobe("ECAPA_TDNN")``: a module of speechbrain.lobes.models.

    SpeechBrain leaves modules behind that import themselves when asked for ``__file__``, and fail where their extra
    is not installed. Hypothesis asks every module; giving them the attribute keeps both quiet.
    """

    def lobe(name: str):
        module = importlib.import_module(f"speechbrain.lobes.models.{name}")
        for loaded in list(sys.modules.values()):
            if hasattr(type(loaded), "ensure_module"):
                loaded.__dict__.setdefault("__file__", None)
        return module

    return lobe
