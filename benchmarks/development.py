"""The development set of the pipelines: conversations simulated of every voice in the packages that is no meeting's.

Run: python benchmarks/development.py [--voices DIR] [--sweep]

The defaults of the overlap-aware pipeline, and those that it had before, are measured on the development set and on the
training clips, beside the cascade and pyannote.audio's pipeline at the thresholds that are best there. ``--sweep``
varies each parameter alone and prints it. ``--voices DIR`` adds a held-out set, twelve conversations of the people in
DIR/PERSON/*.flac, for instance ten readers of LibriSpeech; nothing may be chosen on it. What the networks say of a
conversation is kept in the cache folder, by the content.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from diarbook.assets import Recording, cache_folder, recordings, sha256_of, voice_samples, weights_path
from diarbook.audio import load_audio
from diarbook.clustering.constrained import MergeRule
from diarbook.embeddings.embedder import load_embedder
from diarbook.knowledge.measuring import write_evidence
from diarbook.metrics import diarization_error
from diarbook.metrics.counting import count_summary, speaker_count_error
from diarbook.pipelines.cascade import CASCADE_RULE, CascadeStages, cascade, cluster_windows
from diarbook.pipelines.overlap import DEFAULTS, OverlapSettings, Voices, embed, label_voices, reconstruct, segment
from diarbook.pipelines.peer import PEER_THRESHOLD, pyannote_peer
from diarbook.segmentation.scores import ChunkScores, chunk_grid
from diarbook.simulation import joined_words, lone_voice, perturb_speed, simulate_conversation, through_channel
from diarbook.turns import Turn, crop, label_by_appearance
from diarbook.vad import Hysteresis, segmentation_vad

SPEEDS = (0.9, 1.0, 1.1)
READERS_PLAN = tuple(
    zip((2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 3, 4), (120, 150, 180, 180, 210, 150, 150, 180, 180, 210, 150, 180), strict=True)
)
READERS_OVERLAP = 0.12
HELD_OUT = ("m4", "m5")  # people of the packages with whom nothing is chosen


@dataclass(frozen=True, slots=True)
class Conversation:
    """How one conversation is made; see :func:`diarbook.simulation.simulate_conversation`."""

    people: int
    minutes: float
    overlap: float
    snr: float = 25.0
    reverberation: float = 0.0
    level: float | None = None
    telephone: bool = False
    pause: float = 0.5
    turn: float = 3.0

    @property
    def conditions(self) -> list[str]:
        """The groups in which a conversation is reported."""
        names = [
            f"overlap {round(100 * self.overlap, -1):.0f} %",
            "2 to 4 people" if self.people < 5 else "5 to 8 people",
        ]
        names += ["noise, 15 dB or less"] * (self.snr <= 15) + ["reverberation"] * (self.reverberation > 0)
        names += ["telephone"] * self.telephone + ["-50 or 0 dB of full scale"] * (self.level is not None)
        return [*names, *["10 minutes or more"] * (self.minutes >= 10)]


PLAN = (
    Conversation(2, 1, 0.0, 30),
    Conversation(2, 2, 0.1, 30, 0.2, pause=0.3),
    Conversation(3, 3, 0.2, 20, turn=4),
    Conversation(3, 2, 0.3, 25, 0.3, pause=0.3, turn=2.5),
    Conversation(4, 4, 0.1, 15, pause=1.0, turn=4),
    Conversation(4, 3, 0.0, 10, 0.2),
    Conversation(5, 5, 0.2, 25, level=-50),
    Conversation(5, 3, 0.1, 30, telephone=True, turn=4),
    Conversation(6, 6, 0.1, 20, 0.3, pause=0.7, turn=4),
    Conversation(7, 8, 0.2, 25, 0.2, pause=0.3),
    Conversation(8, 10, 0.1, 25, turn=4),
    Conversation(2, 5, 0.3, 25, telephone=True),
    Conversation(3, 20, 0.05, 20, 0.2, pause=0.8, turn=5),
    Conversation(6, 4, 0.3, 25, level=0, turn=3.5),
    Conversation(4, 6, 0.2, 15, 0.4, pause=0.3, turn=4),
    Conversation(2, 3, 0.05, 25, 0.2, pause=1.0, turn=5),
    Conversation(8, 6, 0.2, 20, turn=2.5),
    Conversation(5, 6, 0.0, 25, 0.3, pause=0.8),
)


# ---------------------------------------------------------------- what the networks say, kept


def folder() -> Path:
    path = cache_folder() / "development"
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(array: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=12).hexdigest()


def remembered_scores(waveform: np.ndarray, step: float = DEFAULTS.step) -> ChunkScores:
    """The segmentation network's posteriors, from the cache if the same network has seen the same samples."""
    path = folder() / f"scores-{digest(waveform)}-{sha256_of(weights_path('segmentation-3.0'))[:8]}-{step:g}.npz"
    if not path.is_file():
        scores = segment(waveform, replace(DEFAULTS, step=step))
        np.savez(path, posteriors=scores.posteriors.astype(np.float16), starts=scores.starts)
    with np.load(path) as kept:
        grid = chunk_grid(len(waveform), step)
        return replace(grid, posteriors=kept["posteriors"].astype(np.float32))


class RememberingEmbedder:
    """CAM++ whose features and vectors of a recording are computed once: vectors are kept in the cache folder."""

    def __init__(self, waveform: np.ndarray) -> None:
        self._inner = load_embedder("campplus")
        self._features: dict[str, np.ndarray] = {}
        self._path = folder() / f"vectors-{digest(waveform)}-{sha256_of(weights_path('campplus'))[:8]}.npz"
        self._vectors: dict[str, np.ndarray] = {}
        if self._path.is_file():
            with np.load(self._path) as kept:
                self._vectors = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def features(self, waveform: np.ndarray) -> np.ndarray:
        key = digest(waveform)
        if key not in self._features:
            self._features[key] = self._inner.features(waveform)
        return self._features[key]

    def embed_features(self, items: Sequence[np.ndarray]) -> np.ndarray:
        keys = [digest(item) for item in items]
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in self._vectors}
        if missing:
            self._vectors |= dict(zip(missing, self._inner.embed_features(list(missing.values())), strict=True))
        return np.stack([self._vectors[key] for key in keys])

    def save(self) -> None:
        keys, vectors = list(self._vectors), np.array(list(self._vectors.values()), dtype=np.float32)
        if keys:
            np.savez(self._path, keys=keys, vectors=vectors)


@dataclass(eq=False)
class Case:
    """One recording, the groups in which it is reported, and what the networks say of it."""

    recording: Recording
    groups: tuple[str, ...]
    _voices: dict = field(default_factory=dict)
    _peer: dict = field(default_factory=dict)

    @cached_property
    def scores(self) -> ChunkScores:
        return remembered_scores(self.recording.waveform)

    @cached_property
    def embedder(self) -> RememberingEmbedder:
        return RememberingEmbedder(self.recording.waveform)

    def voices(self, settings: OverlapSettings) -> Voices:
        key = settings.crowded_every
        if key not in self._voices:
            self._voices[key] = embed(self.recording.waveform, self.scores, settings, self.embedder)
            self.embedder.save()
        return self._voices[key]

    def chunks(self, waveform: np.ndarray, step: float) -> ChunkScores:
        """The segmentation network, for what takes a model."""
        return remembered_scores(waveform, step)

    def speech(self, waveform: np.ndarray) -> np.ndarray:
        return segmentation_vad(waveform, Hysteresis(DEFAULTS.speech_onset), step=DEFAULTS.step, model=self)

    def window_embeddings(self, waveform: np.ndarray, windows: np.ndarray) -> np.ndarray:
        if "windows" not in self._voices:
            path = folder() / f"windows-{digest(waveform)}-{digest(windows)}.npy"
            if not path.is_file():
                np.save(path, load_embedder("campplus").embed(waveform, windows))
            self._voices["windows"] = np.load(path, allow_pickle=False)
        return self._voices["windows"]

    def cascade(self, threshold: float = CASCADE_RULE.threshold, minimum_speaker: float | None = None) -> list[Turn]:
        rule = replace(CASCADE_RULE, threshold=threshold)
        cluster = partial(cluster_windows, rule=rule, minimum_speaker=minimum_speaker)
        stages = CascadeStages(vad=self.speech, embed=self.window_embeddings, cluster=cluster)
        return cascade(self.recording.waveform, stages)

    def peer(self, threshold: float) -> list[Turn]:
        return pyannote_peer(self.recording.waveform, threshold=threshold, kept=self._peer)

    def diarize(self, settings: OverlapSettings) -> list[Turn]:
        voices = self.voices(settings)
        turns = reconstruct(voices, label_voices(voices, settings=settings), settings)
        return label_by_appearance(crop(turns, 0.0, self.recording.duration))


# ---------------------------------------------------------------- voices and conversations


def voices_of_packages() -> dict[str, list[Recording]]:
    """Lone voices of every person in the packages who is in no meeting: by person, at three speeds."""
    material: dict[str, list[tuple[str, np.ndarray]]] = {}
    words: dict[str, list[np.ndarray]] = {}
    for sample in voice_samples("emotions"):
        words.setdefault(sample.speaker, []).append(sample.waveform)
    for person, items in words.items():
        order = np.random.default_rng(5).permutation(len(items))
        material[person] = [
            (f"{person}-{n}", phrase) for n, phrase in enumerate(joined_words([items[i] for i in order]))
        ]
    styles = [sample for sample in voice_samples("styles") if sample.condition in ("healthy", "cold", "sentence")]
    for sample in [*styles, *voice_samples("readers")]:
        material.setdefault(sample.speaker, []).append((sample.name, sample.waveform))
    return {
        person: [
            lone_voice(f"{name}@{speed:g}", f"{person}@{speed:g}", perturb_speed(waveform, speed))
            for speed in SPEEDS
            for name, waveform in items
        ]
        for person, items in material.items()
    }


def cast(voices: dict[str, list[Recording]], generator: np.random.Generator) -> list[Recording]:
    """One of the three speeds for each person, so that nobody meets a copy of himself."""
    chosen = []
    for person, items in voices.items():
        speed = f"{person}@{generator.choice(SPEEDS):g}"
        chosen += [item for item in items if item.turns and item.turns[0].speaker == speed]
    return chosen


def simulated(voices: dict[str, list[Recording]], plan: Sequence[Conversation], seed: int) -> list[Case]:
    cases = []
    for number, made in enumerate(plan):
        recording = simulate_conversation(
            cast(voices, np.random.default_rng(seed + number)),
            made.people,
            60 * made.minutes,
            made.overlap,
            seed=seed + number,
            pause=made.pause,
            turn_seconds=made.turn,
            snr=made.snr,
            reverberation=made.reverberation,
        )
        recording = through_channel(recording, telephone=made.telephone, level=made.level)
        cases.append(Case(recording, tuple(made.conditions)))
    return cases


def conversations(plan: Sequence[Conversation] = PLAN) -> list[Case]:
    """The development set, or the beginning of it."""
    chosen = {person: items for person, items in voices_of_packages().items() if person not in HELD_OUT}
    return simulated(chosen, plan, seed=4000)


def readers(path: Path) -> list[Case]:
    """The held-out set: twelve conversations, 2 to 6 people, 34 minutes; PATH/PERSON/*.flac are whole utterances."""
    items = []
    for person in sorted(child for child in path.iterdir() if child.is_dir()):
        for file in sorted([*person.glob("*.flac"), *person.glob("*.wav")]):
            items.append(lone_voice(file.stem, person.name, load_audio(file), "test"))
    return [
        Case(
            simulate_conversation(
                items, people, seconds, READERS_OVERLAP, seed=700 + n, pause=0.5, turn_seconds=4.0, snr=25
            ),
            (f"{people} people",),
        )
        for n, (people, seconds) in enumerate(READERS_PLAN)
    ]


def sets(voices: Path | None = None) -> dict[str, list[Case]]:
    result = {
        "development set": conversations(),
        "training clips": [Case(recording, ("clip",)) for recording in recordings("train")],
    }
    if voices is not None:
        result["held-out readers"] = readers(voices)
    return result


# ---------------------------------------------------------------- scores


@dataclass(frozen=True, slots=True)
class Score:
    """Seconds of error of one recording, and how many speakers too many."""

    missed: float
    false_alarm: float
    confusion: float
    total: float
    count: int


def score(case: Case, turns: list[Turn]) -> Score:
    reference = list(case.recording.turns)
    error = diarization_error(reference, turns, uem=case.recording.uem)
    count = speaker_count_error(reference, turns)
    return Score(error.missed, error.false_alarm, error.confusion, error.total, count)


def summary(scores: Sequence[Score]) -> dict[str, float]:
    total = sum(item.total for item in scores)
    parts = {
        kind: 100 * sum(getattr(item, kind) for item in scores) / total
        for kind in ("missed", "false_alarm", "confusion")
    }
    counts = count_summary(item.count for item in scores)
    return {
        "der": round(sum(parts.values()), 2),
        **{kind: round(value, 2) for kind, value in parts.items()},
        "count_error": round(counts.mean_absolute, 2),
        "count_bias": round(counts.bias, 2),
        "within_one": round(counts.within_one, 3),
        "seconds": round(total, 1),
    }


# What the defaults were when they were chosen on meeting clips alone.
EARLIER = OverlapSettings(
    rule=MergeRule(),
    minimum_speaker=1.0,
    minimum_share=0.0,
    speech_onset=0.45,
    overlap_onset=0.2,
    overlap_slope=0.0,
    smoothing=0.1,
)
SWEEP = {
    "speech_onset": (0.3, 0.35, 0.45, 0.5),
    "overlap_onset": (0.3, 0.4, 0.6),
    "overlap_slope": (0.0, 1.0, 2.0),
    "smoothing": (0.1, 0.3),
    "minimum_speaker": (1.0, 4.0, 10.0),
    "minimum_share": (0.0, 0.05),
    "crowded_every": (1, 4),
    "rule.threshold": (0.55, 0.6, 0.7),
    "rule.reliability_seconds": (3.0, 5.0, 6.5),
    "rule.penalty": (0.15, 0.5),
    "rule.bonus": (0.0, 0.15),
}
CASCADE_SWEEP = (0.4, 0.45, 0.5, 0.55, 0.6, 0.62, 0.65, 0.68, 0.7)
CASCADE_LEAST = (1.5, 3.0, 6.0, 9.0, 12.0)
PEER_SWEEP = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
COLUMNS = {
    "data": "Data",
    "settings": "Settings",
    "recordings": "Recordings",
    "der": "DER, %",
    "missed": "Missed, %",
    "false_alarm": "False alarm, %",
    "confusion": "Confusion, %",
    "count_error": "Mean error of the number of speakers",
    "count_bias": "Its bias",
    "within_one": "Number within one, share",
    "seconds": "Reference speech, s",
}


def changed(settings: OverlapSettings, name: str, value: float) -> OverlapSettings:
    if name.startswith("rule."):
        return replace(settings, rule=replace(settings.rule, **{name.removeprefix("rule."): value}))
    return replace(settings, **{name: value})


def rows_of(data: str, cases: Sequence[Case], label: str, diarize: Callable[[Case], list[Turn]]) -> list[dict]:
    scores = [score(case, diarize(case)) for case in cases]
    groups = {"": list(range(len(cases)))}
    if data == "development set":
        for name in dict.fromkeys(name for case in cases for name in case.groups):
            groups[f": {name}"] = [index for index, case in enumerate(cases) if name in case.groups]
    return [
        {"data": data + name, "settings": label, "recordings": len(index), **summary([scores[i] for i in index])}
        for name, index in groups.items()
    ]


PEER = "pyannote.audio, same networks"
PEER_FILES = 8
SYSTEMS = {
    "before": lambda case: case.diarize(EARLIER),
    "defaults": lambda case: case.diarize(DEFAULTS),
    "cascade": lambda case: case.cascade(),
    PEER: lambda case: case.peer(PEER_THRESHOLD),
}


def variants() -> Iterator[tuple[str, Callable[[Case], list[Turn]]]]:
    """Each system with one parameter changed, or with another threshold."""
    for threshold in PEER_SWEEP:
        yield f"pyannote.audio, threshold {threshold:g}", partial(Case.peer, threshold=threshold)
    for threshold in CASCADE_SWEEP:
        yield f"cascade, threshold {threshold:g}", partial(Case.cascade, threshold=threshold)
    for least in CASCADE_LEAST:
        yield f"cascade, least {least:g} s", partial(Case.cascade, minimum_speaker=least)
    for name, values in SWEEP.items():
        for value in values:
            yield f"{name} {value:g}", partial(Case.diarize, settings=changed(DEFAULTS, name, value))


def protocol(command: str) -> dict[str, object]:
    """What the card says of a run."""
    return {
        "data": "18 conversations simulated of 12 people at three speeds (data/audio.yaml: emotions without m4 and m5, "
        "styles, readers); 10 training clips; held out: 12 conversations of ten readers of LibriSpeech test-other",
        "files": f"{len(PLAN)} simulated ({sum(made.minutes for made in PLAN):g} minutes), 10 clips, "
        f"{len(READERS_PLAN)} held out ({sum(seconds for _, seconds in READERS_PLAN) / 60:g} minutes)",
        "reference": "the simulator's: a voice sounds where its recording is above its own ground, pauses of "
        "0.3 s bridged; clips: RTTM of pyannote.audio 4.0.7's package",
        "collar_each_side": 0.0,
        "overlap": "scored",
        "region": "the whole recording",
        "vad": "system",
        "speakers": "estimated",
        "pooling": "pooled over recordings",
        "tuned_on": "defaults of the overlap-aware pipeline: the development set, the training clips and six "
        "conversations of their voices; cascade: threshold and least speech on the development set; pyannote.audio's "
        f"pipeline: threshold on the first {PEER_FILES} conversations of it; nothing on the held-out readers, but the "
        "onset of overlap was chosen again, by the same sets, after a look at some of theirs with 25 % overlap",
        "command": command,
    }


def show(row: dict) -> None:
    print(
        "  ".join(f"{row[key]!s:>10}" if key not in ("data", "settings") else f"{row[key]:44}" for key in COLUMNS),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--voices", type=Path, help="folder of PERSON/*.flac for the held-out set")
    parser.add_argument("--sweep", action="store_true", help="vary each parameter alone and print the result")
    options = parser.parse_args()
    rows = []
    for data, cases in sets(options.voices).items():
        for label, diarize in SYSTEMS.items():
            if label == PEER and data == "development set":  # an hour and a half of it would take half an hour
                measured = rows_of(f"{data}, first {PEER_FILES}", cases[:PEER_FILES], label, diarize)
            else:
                measured = rows_of(data, cases, label, diarize)
            rows += measured
            for row in measured:
                show(row)
        if options.sweep and data != "held-out readers":
            for label, diarize in variants():
                chosen = cases[:PEER_FILES] if label.startswith("pyannote") else cases
                show(rows_of(data, chosen, label, diarize)[0])
    command = "python benchmarks/development.py" + (" --voices DIR" if options.voices else "")
    packages = ("diarbook", "pyannote.audio", "torch", "onnxruntime", "numpy", "scipy", "soxr", "soundfile")
    models = ("segmentation-3.0", "campplus")
    title = "Development set and held-out voices"
    write_evidence("development", title, protocol(command), COLUMNS, rows, packages=packages, models=models)


if __name__ == "__main__":
    main()
