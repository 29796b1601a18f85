"""What `make shake` makes of claims that were recorded under several settings."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def shake():
    spec = importlib.util.spec_from_file_location("shake", ROOT / "benchmarks" / "shake.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["shake"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["shake"]


def claim(sentence, distance=None, margin=1.0, holds=None):
    holds = distance >= margin if holds is None else holds
    row = {"page": "vad", "sentence": sentence, "holds": holds, "true": holds}
    if distance is not None:
        row |= {"value": distance, "relation": ">", "limit": 0.0, "margin": margin, "distance": distance}
    return row


def test_at_least_four_settings_and_two_seeds(shake):
    assert len(shake.SETTINGS) >= 4
    assert {"1", "2"} == {variables["OMP_NUM_THREADS"] for variables in shake.SETTINGS.values()}
    assert any("DIARBOOK_SEED" in variables for variables in shake.SETTINGS.values())
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES"):
        assert any(name in variables for variables in shake.SETTINGS.values())


def test_the_setting_in_which_a_claim_holds_least_counts(shake):
    results = {
        "one": [claim("wide", 9.0), claim("tight", 1.5), claim("same", 2.0), claim("same", 3.0)],
        "two": [claim("wide", 8.0), claim("tight", 0.5), claim("same", 2.0), claim("same", 4.0)],
    }
    table = shake.gathered(results)
    assert len(table) == 4
    assert shake.page_row("vad", table) == {
        "page": "vad",
        "claims": 4,
        "failed": 1,
        "moved": 1,
        "spare": -0.5,
        "tightest": "tight",
    }


def test_exact_checks_have_no_margin(shake):
    table = shake.gathered({"one": [claim("exact", holds=True)], "two": [claim("exact", holds=False)]})
    row = shake.page_row("vad", table)
    assert (row["failed"], row["moved"], row["spare"], row["tightest"]) == (1, 1, None, None)


def test_a_claim_that_fails_everywhere_has_not_moved(shake):
    table = shake.gathered({name: [claim("wrong", 0.0)] for name in ("one", "two")})
    assert shake.page_row("vad", table)["moved"] == 0


def test_folders_of_settings_differ(shake):
    assert len({shake.folder_of(setting) for setting in shake.SETTINGS}) == len(shake.SETTINGS)
