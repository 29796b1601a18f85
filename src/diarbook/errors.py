"""Errors that name the thing that is wrong and what to do about it."""

from __future__ import annotations


class DiarbookError(Exception):
    """Base of every error that a user can cause or cure.

    The message is one line: what is wrong, where, and the remedy. The command line prints it
    without a traceback and exits with status 1.
    """


class AudioError(DiarbookError):
    """Audio that cannot be read or that no stage can use."""


class RttmError(DiarbookError):
    """A malformed file of RTTM, UEM or labels; the message carries the file and the line number."""


class AssetError(DiarbookError):
    """A model or recording that is missing, corrupt or unknown."""


class NetworkError(DiarbookError):
    """A network that failed while it ran; the message names it, the moment and the reason."""


class KnowledgeError(DiarbookError):
    """A fault in the ontology or in an evidence file; the message carries the file and the entry."""


class OptionError(DiarbookError, ValueError):
    """A parameter outside its range."""


class VoiceprintError(DiarbookError):
    """A voiceprint, a consent or a store that cannot be used; the message names it."""


class VectorStoreError(DiarbookError):
    """A vector, a filter or a vector store that cannot be used; the message names it."""


class AudioWarning(UserWarning):
    """A recording that can be used but is not what it seems: it ends early, is clipped, silent or in opposite phase.

    The message is one line that names the recording. The command line prints it as ``diarbook: note: ...``.
    """
