"""A live diarizer: the same whatever the blocks, never ahead of its time, never late, and never fuller."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.streaming.tones import Embedder, as_turns, conversation, direction, ears, hum

from diarbook.assets import recording
from diarbook.embeddings import load_embedder
from diarbook.errors import AudioError, OptionError
from diarbook.metrics import diarization_error
from diarbook.segmentation.model import SegmentationModel, load_segmentation
from diarbook.streaming import StreamingDiarizer, StreamSettings, blocks, stream
from diarbook.streaming.cache import SpeakerCache, kept_labels
from diarbook.turns import speakers

EXAMPLE = conversation(24.0, 3, np.random.default_rng(1), overlap=True)
SOUND = hum(EXAMPLE, 24.0)


def live(sound, **options):
    return stream(sound, StreamSettings(**options), segmentation=ears(), embedder=Embedder())


def diarizer(gallery=None, **options):
    return StreamingDiarizer(StreamSettings(**options), ears(), Embedder(), gallery)


@pytest.mark.parametrize("latency", [0.5, 2.0, 5.0])
def test_hums_are_told_apart(latency):
    turns = live(SOUND, latency=latency)
    error = diarization_error(as_turns(EXAMPLE), [turn.turn for turn in turns])
    assert error.rate < 0.1
    assert len(speakers(turn.turn for turn in turns)) == 3


@settings(max_examples=4)
@given(st.lists(st.integers(1, 50_000), min_size=1, max_size=20), st.sampled_from([0.5, 1.0, 5.0]))
def test_blocks_do_not_matter(sizes, latency):
    sound = SOUND[: 12 * 16_000]
    edges = np.minimum(np.cumsum(sizes), len(sound))
    parts = np.split(sound, edges)  # many of them empty once the sound is over
    assert repr(live(parts, latency=latency)) == repr(live(sound, latency=latency))


class Memory:
    """Real networks that remember their answers: other input would be computed, and show."""

    def __init__(self):
        self.seen, self.answers = 0, {}
        self.segment, self.model = load_segmentation(), load_embedder("campplus")

    def ask(self, key, compute):
        if key not in self.answers:
            self.seen += 1
            self.answers[key] = compute()
        return self.answers[key]

    def run(self, batch):
        return self.ask(batch.tobytes(), lambda: self.segment.run(batch))

    identity, frame_rate = ("campplus", "remembered"), 100

    def features(self, waveform):
        return self.model.features(waveform)

    def embed_spans(self, features, spans):
        return self.ask((features.tobytes(), spans.tobytes()), lambda: self.model.embed_spans(features, spans))


def test_real_networks_blocks_of_10_ms_to_5_s_and_close_to_offline():
    sample, memory = recording("sample"), Memory()
    sound = sample.waveform[6 * 16_000 : 26 * 16_000]
    options = {"segmentation": SegmentationModel(memory.run, "remembers"), "embedder": memory}
    first = stream(sound, **options)
    asked = memory.seen
    for size in (160, 8_000, 80_000):
        assert repr(stream(blocks(sound, size), **options)) == repr(first)
    assert memory.seen == asked  # bit for bit the same input of the networks
    reference = [replace(turn, start=max(turn.start - 6, 0), end=turn.end - 6) for turn in sample.turns if turn.end > 6]
    error = diarization_error(reference, [turn.turn for turn in first], uem=np.array([[0.0, 20.0]]))
    assert error.rate < 0.2


@settings(max_examples=4)
@given(st.integers(2 * 16_000, 20 * 16_000), st.sampled_from([0.5, 2.0]), st.integers(0, 5))
def test_the_future_cannot_be_heard(cut, latency, other):
    """Whatever comes after a moment, what was emitted until then is the same."""
    future = hum([(0, 6, other)], 6.0)
    one, two = diarizer(latency=latency), diarizer(latency=latency)
    until = one.push(SOUND[:cut])
    assert repr(two.push(np.concatenate([SOUND[:cut], future]))[: len(until)]) == repr(until)
    assert all(turn.emitted <= cut / 16_000 for turn in until)


@pytest.mark.parametrize("latency", [0.5, 1.0, 3.0, 10.0])
def test_no_frame_waits_longer_than_the_latency(latency):
    live_one, frame = diarizer(latency=latency), 270 / 16_000
    lags, turns = [], []
    for block in blocks(SOUND, 800):
        turns += live_one.push(block)
        lags.append(live_one.heard - live_one.decided)
    assert max(lags) <= latency + 2 * frame
    assert max(lags[200:]) > 0.8 * latency
    ended = [turn for turn in turns if turn.end - turn.start < 14]
    assert ended
    assert max(turn.emitted - turn.end for turn in ended) <= latency + frame
    assert min(turn.emitted - turn.end for turn in ended) >= live_one.settings.look_ahead - frame


@settings(max_examples=4)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 5.0]))
def test_labels_come_in_the_order_of_arrival_and_no_turn_is_emitted_twice(seed, latency):
    generator = np.random.default_rng(seed)
    turns = live(hum(conversation(15.0, 4, generator), 15.0), latency=latency)
    assert [turn.number for turn in turns] == list(range(len(turns)))
    assert not any(turn.revised for turn in turns)
    assert [turn.emitted for turn in turns] == sorted(turn.emitted for turn in turns)
    first = {}
    for turn in turns:
        first[turn.speaker] = min(first.get(turn.speaker, np.inf), turn.start)
    assert sorted(first, key=first.get) == [f"SPEAKER_{index:02d}" for index in range(len(first))]
    for speaker in first:  # a speaker's turns are disjoint: nothing that was said is said again otherwise
        own = sorted((turn.start, turn.end) for turn in turns if turn.speaker == speaker)
        assert all(end <= start + 1e-9 for (_, end), (start, _) in itertools.pairwise(own))


def test_who_comes_back_has_the_old_number():
    turns = [(0.3, 4, 0), (4.5, 8, 1), *[(8.5 + 4 * k, 12 + 4 * k, 1 + k % 2) for k in range(8)], (41, 45, 0)]
    heard = live(hum(turns, 46.0))
    assert {turn.speaker for turn in heard if turn.start > 40.5} == {"SPEAKER_00"}
    assert heard[0].speaker == "SPEAKER_00"


def test_a_long_turn_comes_in_parts():
    heard = live(hum([(1, 29, 0)], 30.0), longest_turn=10.0)
    assert len(heard) >= 3
    assert all(turn.end - turn.start < 10 + 1.1 for turn in heard)
    assert all(a.end == b.start for a, b in itertools.pairwise(heard))
    assert len(live(hum([(1, 29, 0)], 30.0), longest_turn=60.0)) == 1


def test_memory_does_not_grow():
    """Six voices, of which four are remembered; few points; six minutes."""
    one = diarizer(latency=4.0, step=2.0, points=8, max_speakers=4)
    sizes = []
    generator = np.random.default_rng(0)
    for _ in range(6):
        one.push(hum(conversation(60.0, 6, generator), 60.0))
        sizes.append(one.memory)
    for kind in ("bytes", "points", "chunks", "speakers", "names", "history", "provisional"):
        early, late = (max(size[kind] for size in part) for part in (sizes[:3], sizes[3:]))
        assert late <= 1.3 * early + 2, kind
    assert max(size["points"] for size in sizes) <= 8 + 20
    assert len(one.speakers) <= 4 + 3  # those of the last seconds are never forgotten


def test_silence_asks_no_network():
    def never(_):
        raise AssertionError

    one = StreamingDiarizer(StreamSettings(), SegmentationModel(never, "never"), Embedder())
    assert one.push(np.zeros(15 * 16_000, np.float32)) + one.finish() == []


def test_an_empty_and_a_very_short_stream():
    for samples in (0, 1, 1_000, 1_600, 5_000):
        one = diarizer()
        assert one.push(SOUND[:samples]) == []
        assert all(turn.end <= samples / 16_000 for turn in one.finish())
        assert one.finish() == []


def test_the_end_of_the_stream_decides_everything():
    one = diarizer(latency=10.0)
    turns = one.push(hum([(1, 7.5, 0)], 8.0)) + one.finish()
    assert [round(turn.end, 1) for turn in turns] == [7.5]
    assert one.speaking == []
    assert one.decided > 7.9


@pytest.mark.parametrize("seconds", [10.4, 12.1, 12.5, 12.9])
def test_the_last_step_of_a_long_stream_is_looked_at(seconds):
    """Sound after the last whole step, up to a second of it, is decided when the stream ends."""
    one = diarizer(latency=5.0)
    turns = one.push(hum([(1, 6, 0), (seconds - 2.5, seconds - 0.05, 1)], seconds)) + one.finish()
    assert turns[-1].speaker == "SPEAKER_01"
    assert turns[-1].end == pytest.approx(seconds - 0.05, abs=0.04)
    assert one.decided > seconds - 0.05


def test_turns_that_have_begun_can_be_seen():
    one = diarizer(latency=1.0)
    one.push(hum([(1, 6, 0)], 6.0))
    [turn] = one.speaking
    assert (turn.speaker, turn.number) == ("SPEAKER_00", -1)
    assert 4.5 < turn.end == one.decided


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (np.zeros(10, np.int16), "as floats"),
        (np.zeros((10, 2), np.float32), "one channel"),
        (np.array([0, np.nan], np.float32), "at 1.000 s is not a finite"),
        (np.array([np.inf], np.float32), "export|repair"),
    ],
)
def test_bad_blocks(block, message):
    one = diarizer()
    one.push(np.zeros(15_999, np.float32))
    with pytest.raises(AudioError, match=message):
        one.push(block)
    assert one.heard == 15_999 / 16_000


def test_nothing_after_the_end():
    one = diarizer()
    one.finish()
    with pytest.raises(OptionError, match="finished"):
        one.push(np.zeros(1, np.float32))


def test_the_cache_knows_the_voices():
    one = diarizer()
    one.push(SOUND)
    one.finish()
    records = one.speakers
    assert [record.label for record in records] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]
    cosines = np.stack([r.centroid for r in records]) @ np.stack([direction(v) for v in range(3)]).T
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2]
    assert cosines.max(axis=1).min() > 0.9
    alone = sum(end - start for start, end, _ in EXAMPLE)
    assert 0.6 * alone < sum(record.seconds for record in records) <= alone


def test_somebody_heard_only_over_another():
    turns = [(0.5, 12, 0), (4, 7, 1)]
    heard = live(hum(turns, 13.0))
    assert {turn.speaker for turn in heard if turn.start < 5 < turn.end} == {"SPEAKER_00", "SPEAKER_01"}
    assert diarization_error(as_turns(turns), [turn.turn for turn in heard]).rate < 0.15


# ------------------------------------------------------------ revision


def test_revisions_replace_turns_and_say_so(monkeypatch):
    """Two voices pass for one until a later grouping parts them; only in this mode are the turns corrected."""

    def lumping(self, units, seconds, labels, agreement, evidence):
        groups, kept = real(self, units, seconds, labels, agreement, evidence)
        if self.lump and len(groups):
            groups = np.zeros_like(groups)
            kept = kept_labels(groups, np.append(self.labels, labels), np.append(self.seconds, seconds))
        return groups, kept

    real = SpeakerCache.cluster
    monkeypatch.setattr(SpeakerCache, "cluster", lumping)
    monkeypatch.setattr(SpeakerCache, "lump", True, raising=False)
    turns = [(0.5 + 3 * k, 3 + 3 * k, k % 2) for k in range(10)]
    sound = hum(turns, 32.0)
    results = {}
    for revise in (False, True):
        one = diarizer(latency=2.0, revise=revise)
        SpeakerCache.lump = True
        emitted = one.push(sound[: 16 * 16_000])
        assert {turn.speaker for turn in emitted} == {"SPEAKER_00"}
        SpeakerCache.lump = False
        results[revise] = emitted + one.push(sound[16 * 16_000 :]) + one.finish()
    assert not any(turn.revised for turn in results[False])
    revised = [turn for turn in results[True] if turn.revised]
    assert revised
    latest = {}
    for turn in results[True]:
        assert turn.revision == (latest[turn.number].revision + 1 if turn.number in latest else 0)
        if turn.number in latest:
            before = latest[turn.number]
            assert (turn.start, turn.end) == (before.start, before.end)
            assert turn.emitted > before.emitted
            assert (turn.speaker, turn.name) != (before.speaker, before.name)
        latest[turn.number] = turn
    errors = [
        diarization_error(as_turns(turns), [turn.turn for turn in final]).rate
        for final in (results[False], latest.values())
    ]
    assert errors[1] < errors[0] - 0.1


def test_old_turns_are_beyond_revision():
    one = diarizer(latency=2.0, revise=True, revise_seconds=10.0)
    for block in blocks(hum(conversation(60.0, 3, np.random.default_rng(3)), 60.0), 16_000):
        for turn in one.push(block):
            assert not turn.revised or turn.end > one.heard - 10.0 - 1.0
    assert one.memory["history"] < 60
