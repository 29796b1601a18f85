"""Reference code of *Who Spoke When*: one module a stage, each taught by the chapter of the same name.

The words of the README are here: ``diarbook.load_audio``, ``diarize``, ``Turn``, ``read_rttm``, ``write_rttm``,
``diarization_error``, ``stream``, ``enroll`` and ``identify``. Importing the package loads none of them; each is loaded
from its own module when it is first asked for.

Examples
--------
>>> import diarbook
>>> diarbook.Turn(0.5, 2.0, "Ann").duration
1.5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diarbook.audio import load_audio
    from diarbook.metrics import diarization_error
    from diarbook.pipelines.diarize import diarize
    from diarbook.rttm import read_rttm, write_rttm
    from diarbook.streaming.live import stream_turns as stream
    from diarbook.turns import Turn
    from diarbook.voiceprints.enrollment import enroll
    from diarbook.voiceprints.identification import identify

__version__ = "0.1.0"

__all__ = [
    "Turn",
    "__version__",
    "diarization_error",
    "diarize",
    "enroll",
    "identify",
    "load_audio",
    "read_rttm",
    "stream",
    "write_rttm",
]

_HOMES = {
    "Turn": "turns",
    "diarization_error": "metrics",
    "diarize": "pipelines.diarize",
    "enroll": "voiceprints.enrollment",
    "identify": "voiceprints.identification",
    "load_audio": "audio",
    "read_rttm": "rttm",
    "stream": "streaming.live",
    "write_rttm": "rttm",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, {"stream": "stream_turns"}.get(name, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
