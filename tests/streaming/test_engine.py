"""Both networks of a stream: one front end, any embedder, any level of the sound, and failures that are one line."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from tests.streaming.tones import TONES, Embedder, ears, hum

from diarbook.assets import recording
from diarbook.embeddings import load_embedder, unit_length
from diarbook.embeddings.embedder import model_identity
from diarbook.errors import AssetError, NetworkError
from diarbook.metrics import diarization_error
from diarbook.pipelines.overlap import feature_frames
from diarbook.streaming import StreamingDiarizer, StreamSettings, stream
from diarbook.streaming.engine import Engine
from diarbook.streaming.recent import RecentAudio, RecentChunks, chunk_scores, frame_time
from diarbook.streaming.sources import file_blocks
from diarbook.turns import Turn, alone

SPANS = np.array([[60, 150], [200, 260], [400, 401], [300, 420]])


def heard(waveform):
    audio = RecentAudio()
    audio.append(waveform)
    return audio


def embed(waveform, items, embedder):
    return Engine(StreamSettings(), ears(), embedder).embed(heard(waveform), items)


def test_importing_the_package_loads_no_torch():
    code = "import sys, diarbook.streaming; print(*{'torch', 'librosa', 'pyannote', 'speechbrain'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_a_stream_embeds_what_the_offline_pipeline_would():
    waveform = recording("sample").waveform[: 9 * 16_000]
    model = load_embedder("campplus")
    vectors, seconds = embed(waveform, list(SPANS[:, None]), model)
    frames = feature_frames(chunk_scores([np.zeros((1, 7), np.float32)], [0]), SPANS)
    offline = model.embed_spans(model.features(waveform), frames)
    assert np.isnan(vectors[2]).all()  # one frame says nothing
    good = np.array([0, 1, 3])
    np.testing.assert_allclose(unit_length(vectors[good]), unit_length(offline[good]), atol=1e-4)
    np.testing.assert_allclose(seconds, np.diff(frames)[:, 0] / 100)


def test_frames_of_the_embedder_are_counted_at_its_own_rate():
    sound = hum([(1.0, 2.5, 0), (3.4, 4.4, 1), (5.0, 7.1, 2)], 9.0)
    vectors, seconds = embed(sound, list(SPANS[:, None]), Embedder())
    np.testing.assert_allclose(seconds, np.diff(frame_time(SPANS))[:, 0], atol=0.021)
    assert vectors[0].argmax() == 0
    assert np.round(unit_length(vectors[0])[0], 2) == 1.0
    assert vectors[1].argmax() == 1


def test_a_voice_of_several_spans_is_embedded_from_all_of_them():
    sound = hum([(0, 2, 0), (2, 4, 1)], 4.0)
    frames = np.array([[10, 60], [140, 190]])
    together, seconds = embed(sound, [frames], Embedder())
    apart, each = embed(sound, list(frames[:, None]), Embedder())
    np.testing.assert_allclose(together[0], (apart * each[:, None]).sum(axis=0) / each.sum(), rtol=1e-5)
    assert seconds[0] == pytest.approx(each.sum())
    assert embed(sound, [np.zeros((0, 2), dtype=int)], Embedder())[1].tolist() == [0.0]
    assert embed(sound, [], Embedder())[0].shape[0] == 0


def test_the_dvector_streams_and_says_whose_vectors_they_are():
    waveform = recording("sample").waveform[6 * 16_000 : 18 * 16_000]
    one = StreamingDiarizer(StreamSettings(latency=5.0), embedder=load_embedder("ge2e"))
    turns = one.push(waveform) + one.finish()
    assert sum(turn.end - turn.start for turn in turns) > 6
    for speaker in one.speakers:
        assert (speaker.model, speaker.model_version) == model_identity("ge2e")
        assert speaker.centroid.shape == (256,)


def test_vectors_carry_the_name_that_the_embedder_gives_itself():
    one = StreamingDiarizer(StreamSettings(), ears(), Embedder(("other", "7")))
    one.push(hum([(0.5, 4, 0)], 8.0))
    [speaker] = one.speakers
    assert (speaker.model, speaker.model_version, speaker.centroid.shape) == ("other", "7", TONES.shape)


@pytest.mark.filterwarnings("ignore:.*no sound at the level of speech")
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24"])
@pytest.mark.parametrize("name", ["sample", "trn00"])
def test_a_turn_is_embedded_alike_at_any_level(name, subtype, tmp_path):
    """16 bits at -50 dB would be 3 bits of the loudest speech: what rounding took away no front end brings back."""
    clip, model, vectors = recording(name), load_embedder("campplus"), []
    turns = [turn for turn in alone(clip.turns) if turn.end - turn.start > 1.5]
    assert len(turns) >= 3
    for gain in (0, -50):
        soundfile.write(tmp_path / "a.wav", clip.waveform * 10 ** (gain / 20), 16_000, subtype=subtype)
        waveform = np.concatenate(list(file_blocks(tmp_path / "a.wav")))
        cut = [waveform[round(turn.start * 16_000) : round(turn.end * 16_000)] for turn in turns]
        live = [embed(sound, [np.array([[0, len(sound) // 270]])], model)[0][0] for sound in cut]
        enrolled = model.embed(waveform, [(turn.start, turn.end) for turn in turns])  # as enrollment calls it
        vectors.append([*unit_length(np.array(live)), *unit_length(enrolled)])
    assert min(loud @ quiet for loud, quiet in zip(*vectors, strict=True)) >= 0.98


@pytest.mark.parametrize(("name", "start"), [("sample", 6), ("trn08", 0)])
def test_a_quiet_stream_has_the_same_turns_and_voices(name, start):
    """The segmentation network's own normalization hardly works below -40 dB: the stream raises what is quiet."""
    waveform = recording(name).waveform[start * 16_000 : (start + 14) * 16_000]
    results = []
    for gain in (0, -50):
        one = StreamingDiarizer(StreamSettings(latency=5.0))
        turns = one.push(waveform * np.float32(10 ** (gain / 20))) + one.finish()
        results.append((turns, {speaker.label: speaker.centroid for speaker in one.speakers}))
    (loud, voices), (quiet, same) = results
    error = diarization_error([turn.turn for turn in loud], [turn.turn for turn in quiet])
    assert error.rate < 0.02
    assert voices.keys() == same.keys()
    assert min(voices[label] @ same[label] for label in voices) >= 0.98


def test_sound_is_raised_by_the_loudest_that_was_heard_so_far_and_normal_sound_not_at_all():
    heard_levels = []

    def listen(batch):
        heard_levels.append(np.abs(batch).max())
        return ears().run(batch)

    engine = Engine(StreamSettings(), type(ears())(listen, "listens"), Embedder())
    faint, normal = (hum([(0, 4, 0)], 4.0, level) for level in (1e-3, 0.1))
    recent = engine.look(heard(faint), RecentChunks(), 0)
    both = engine.look(heard(np.concatenate([faint, normal])), recent, 0)
    engine.look(heard(np.concatenate([faint, normal, faint, faint, faint])), both, 0)
    # Half a second of a tone of amplitude a has the power a * a / 2: it is raised to -35 dB, never lowered.
    assert heard_levels[0] == pytest.approx(np.sqrt(2) * 10 ** (-35 / 20), rel=1e-3)
    assert heard_levels[1] == pytest.approx(0.1, rel=1e-3)
    assert heard_levels[2] == pytest.approx(1e-3, rel=1e-3)  # quiet beside what was heard before


def test_a_network_that_fails_is_named_with_the_moment_and_the_reason():
    class Broken(Embedder):
        def features(self, waveform):
            raise MemoryError("cannot hold\n  the batch")

    def broken(batch):
        raise RuntimeError

    audio = heard(hum([(0, 4, 0)], 4.0))
    with pytest.raises(
        NetworkError, match=r"^stream: the embedding network failed after 4\.0 s of sound \(cannot hold the batch\); "
    ):
        Engine(StreamSettings(), ears(), Broken()).embed(audio, [np.array([[0, 60]])])
    engine = Engine(StreamSettings(), type(ears())(broken, "broken"), Embedder())
    with pytest.raises(NetworkError, match=r"the segmentation network failed after 4\.0 s of sound \(RuntimeError\)"):
        engine.look(audio, RecentChunks(), 0)


def test_what_is_wrong_with_the_assets_stays_as_it_was_said(monkeypatch):
    def absent():
        raise AssetError("weights are not fetched")

    monkeypatch.setattr("diarbook.streaming.engine.load_segmentation", absent)
    one = StreamingDiarizer()
    with pytest.raises(AssetError, match="not fetched"):
        one.push(hum([(0, 4, 0)], 4.0))


def test_a_turn_knows_the_number_of_its_speaker():
    sound = hum([(0.5, 4, 0), (4.5, 8, 1), (8.5, 12, 0)], 13.0)
    turns = stream(sound, StreamSettings(latency=2.0, revise=True), segmentation=ears(), embedder=Embedder())
    assert [turn.speaker_number for turn in turns] == [0, 1, 0]
    assert all(turn.speaker == f"SPEAKER_{turn.speaker_number:02d}" for turn in turns)
    assert turns[0].turn == Turn(turns[0].start, turns[0].end, "SPEAKER_00")
