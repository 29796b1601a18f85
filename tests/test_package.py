"""The root package: nine names, each loaded only when it is asked for."""

import subprocess
import sys

import pytest

import diarbook

HEAVY = ("torch", "torchaudio", "onnxruntime", "librosa", "sklearn", "pyannote", "speechbrain", "matplotlib")
NAMES = sorted(set(diarbook.__all__) - {"__version__"})


def loaded_by(statement):
    """Top-level packages that a statement loads in a new process, beside what Python itself does."""
    code = (
        "import sys; before = set(sys.modules); "
        f"{statement}; print(*{{name.partition('.')[0] for name in set(sys.modules) - before}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    return set(done.stdout.split())


def test_the_names_are_those_of_the_readme():
    assert NAMES == [
        "Turn",
        "diarization_error",
        "diarize",
        "enroll",
        "identify",
        "load_audio",
        "read_rttm",
        "stream",
        "write_rttm",
    ]
    assert set(NAMES) <= set(dir(diarbook))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_its_modules(name):
    value = getattr(diarbook, name)
    assert callable(value)
    assert value.__module__.startswith("diarbook.")
    assert "Chapter: " in value.__doc__


def test_other_names_are_errors():
    with pytest.raises(AttributeError, match="module 'diarbook' has no attribute 'diarise'"):
        _ = diarbook.diarise
    assert not hasattr(diarbook, "numpy")


def test_the_package_alone_loads_nothing():
    loaded = loaded_by("import diarbook")
    assert {name for name in loaded if name not in sys.stdlib_module_names} == {"diarbook"}


def test_the_scores_cost_numpy_and_scipy_only():
    loaded = loaded_by("import diarbook.metrics; from diarbook import read_rttm, diarization_error")
    assert not loaded & {*HEAVY, "soundfile", "soxr", "yaml", "click", "tqdm", "platformdirs"}


def test_streaming_costs_no_torch():
    assert not loaded_by("import diarbook.streaming; from diarbook import stream, identify, enroll") & set(HEAVY)
