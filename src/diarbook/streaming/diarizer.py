"""Who speaks now: a diarizer that is fed sound as it arrives.

All work is done at fixed numbers of samples heard, so the output does not depend on the blocks in which the sound
arrives. A step has four parts: the engine looks, the memory groups, the decider decides, the emitter emits.

Chapter: streaming
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from diarbook.audio import SAMPLE_RATE
from diarbook.embeddings.similarity import unit_length
from diarbook.errors import AudioWarning, DiarbookError, OptionError, VoiceprintError
from diarbook.networks.powerset import FRAME_SAMPLES
from diarbook.streaming.decider import decide
from diarbook.streaming.emitter import Emitter
from diarbook.streaming.engine import Engine, StreamEmbedder
from diarbook.streaming.memory import Memory
from diarbook.streaming.observation import Observation, observe, observe_without_networks
from diarbook.streaming.recent import CHUNK_SAMPLES, RecentAudio, RecentChunks, check_block, frame_time
from diarbook.streaming.settings import DEFAULT_SETTINGS, StreamSettings
from diarbook.streaming.turn import CachedSpeaker, StreamTurn, label_name

if TYPE_CHECKING:
    from diarbook.segmentation.model import SegmentationModel

SHORTEST_CHUNK = 1_600  # samples; the network cannot normalize less over time
REVISE_STEPS = 10


class StreamingDiarizer:
    """Diarize sound as it arrives, with bounded memory and bounded latency.

    Every ``step`` the segmentation network looks at the last 10 s. Stretches in which one person speaks alone are
    embedded once they are ``guard`` seconds old, and grouped together with the points of the speaker cache. Frames are
    decided when the look-ahead has been heard; a turn is emitted when it ends.

    Parameters
    ----------
    settings : StreamSettings
    segmentation : SegmentationModel, optional
        segmentation-3.0 by default, loaded at first use.
    embedder : StreamEmbedder, optional
        Such as :class:`~diarbook.embeddings.embedder.Embedder`; CAM++ by default.
    gallery : object, optional
        With ``best(vector) -> (name, score) | None``, such as :class:`~diarbook.streaming.gallery.Gallery`.

    Raises
    ------
    VoiceprintError
        When the gallery says that it is of another model than the embedder's.

    Notes
    -----
    A frame's label is decided at most ``latency`` seconds of audio after the frame's end, and at least
    ``settings.look_ahead`` after it; what the machine needs for a step comes on top. :meth:`finish` decides the rest
    with the look-ahead that there is.

    References
    ----------
    coria2021diart, wang2022multistage, medennikov2025streaming

    Examples
    --------
    >>> diarizer = StreamingDiarizer(StreamSettings(latency=2.0))
    >>> diarizer.push(np.zeros(8_000, dtype=np.float32))  # half a second of silence
    []
    >>> diarizer.heard, diarizer.finish()
    (0.5, [])

    Chapter: streaming
    """

    def __init__(
        self,
        settings: StreamSettings = DEFAULT_SETTINGS,
        segmentation: SegmentationModel | None = None,
        embedder: StreamEmbedder | None = None,
        gallery: object | None = None,
    ) -> None:
        self.settings = settings
        self._engine = Engine(settings, segmentation, embedder)
        self._gallery = self._fitting(gallery)
        self._audio, self._recent = RecentAudio(), RecentChunks()
        self._memory, self._emitter = Memory(settings), Emitter(settings)
        self._step_samples = settings.step_frames * FRAME_SAMPLES
        # Chunks that are 10 s long start on a frame of the stream, so the steps are counted from the first such chunk.
        self._next = CHUNK_SAMPLES % self._step_samples
        while self._next < SHORTEST_CHUNK:
            self._next += self._step_samples
        self._decided = 0  # frames before this one have been decided
        self._outbox: list[StreamTurn] = []  # emitted and not yet handed over
        self._broken = self._finished = False

    # ------------------------------------------------------------ what a caller does

    def push(self, block: np.ndarray) -> list[StreamTurn]:
        """Hear more.

        Parameters
        ----------
        block : ndarray of float, shape (samples,)
            At 16 kHz, of any length.

        Returns
        -------
        list of StreamTurn
            Turns that became final, in the order of their ends.

        Raises
        ------
        AudioError
            When the block is not one channel of finite floats; nothing of it has been heard then.
        NetworkError
            When a network fails: the rest of the block has not been heard, and :meth:`finish` gives all turns so far.
        OptionError
            After :meth:`finish`, or after a step that was not completed.

        Chapter: streaming
        """
        if self._finished or self._broken:
            state = "is finished" if self._finished else f"broke off at {self.heard:.1f} s; finish it"
            raise OptionError(f"the stream {state}; make a new StreamingDiarizer")
        block = check_block(block, self.heard)
        while len(block):
            missing = self._next - self._audio.heard
            self._audio.append(block[:missing])
            block = block[missing:]
            if self._audio.heard == self._next:
                self._broken = True  # unless the step is completed
                self._advance(self._observe())
                self._broken = False
                self._next += self._step_samples
        return self._handed_over()

    def finish(self) -> list[StreamTurn]:
        """Decide what is left, and end all turns.

        A network that fails now, or that failed before, costs only the sound that it has not seen: a warning says so.

        Chapter: streaming
        """
        if self._finished:
            return self._handed_over()
        self._finished = True
        if self._audio.heard >= SHORTEST_CHUNK:
            try:
                seen = self._observe(final=True)
            except DiarbookError as error:
                seen = observe_without_networks(self._recent, self._memory, self._decided, self.settings)
                missing = self.heard - min(frame_time(self._recent.end), self.heard)
                reason = f"a network failed ({error.__cause__ or error})"
                warnings.warn(f"stream: the last {missing:.1f} s are left out: {reason}", AudioWarning, stacklevel=2)
            self._advance(seen, final=True)
        return self._handed_over()

    def recognize(self, gallery: object) -> None:
        """Take another gallery, such as one with a newcomer, and compare those without a name with it at the next step.

        Parameters
        ----------
        gallery : object
            As for the class.

        Raises
        ------
        VoiceprintError
            When the gallery says that it is of another model than the embedder's.

        Chapter: hybrid
        """
        self._gallery = self._fitting(gallery)
        self._emitter.name_again()

    @property
    def heard(self) -> float:
        """Seconds of audio heard."""
        return self._audio.heard / SAMPLE_RATE

    @property
    def decided(self) -> float:
        """Seconds up to which it is decided who speaks."""
        return 0.0 if self._decided == 0 else min(frame_time(self._decided), self.heard)

    @property
    def speaking(self) -> list[StreamTurn]:
        """Turns that have begun and not ended; their end is what is decided so far."""
        return self._emitter.speaking(self._decided, self._audio.heard)

    @property
    def speakers(self) -> list[CachedSpeaker]:
        """The speaker cache, one record for each label that is remembered."""
        records = []
        for label, (total, seconds) in self._memory.speakers().items():
            known = *self._emitter.name_of(label), *self._engine.identity
            records.append(CachedSpeaker(label_name(label), unit_length(total), seconds, *known))
        return records

    @property
    def memory(self) -> dict[str, int]:
        """Sizes of everything that is kept: none grows with the length of the stream."""
        voices, audio = self._memory.sizes, self._audio.nbytes
        sizes = {"audio_bytes": audio, "chunks": len(self._recent), **voices, **self._emitter.sizes}
        return {**sizes, "bytes": audio + self._recent.nbytes + voices["bytes"]}

    # ------------------------------------------------------------ one step

    def _observe(self, final: bool = False) -> Observation | None:
        seen = self._recent, self._memory, self._decided, self.settings
        return observe(self._engine, self._audio, *seen, final)

    def _advance(self, seen: Observation | None, final: bool = False) -> None:
        """Keep what was seen, decide, and put into the outbox what is emitted."""
        if seen is None:
            return
        self._recent, memory, emitter, heard = seen.recent, self._memory, self._emitter, self._audio.heard
        memory.add(seen.plan, seen.vectors, seen.provisional)
        grouping = memory.group(seen.recent)
        chosen = decide(seen.recent, grouping, self._decided, seen.until, self.settings)
        labels = memory.commit(grouping, chosen, seen.until)
        turns = emitter.emit(chosen, labels, self._decided, heard, final)
        self._decided = seen.until
        self._outbox += turns
        if self._gallery is not None:
            emitter.name(self._gallery, memory.speakers())
        emitter.remember(turns, memory.representative)
        if self.settings.revise and (final or seen.recent.looks % REVISE_STEPS == 0):
            self._outbox += emitter.corrections(memory.labels_now(grouping), heard)
        emitter.forget(memory.shrink(seen.recent, self._decided), memory.labels)

    def _handed_over(self) -> list[StreamTurn]:
        turns, self._outbox = self._outbox, []
        return turns

    def _fitting(self, gallery: object | None) -> object | None:
        """The gallery, unless it says that its voiceprints are of another model."""
        model, version = self._engine.identity
        theirs = getattr(gallery, "model", model), getattr(gallery, "model_version", "") or version
        if theirs != (model, version):
            raise VoiceprintError(
                f"gallery: holds voiceprints of {' '.join(theirs)}, the stream is embedded by {model} {version};"
                " enroll again with that model"
            )
        return gallery
