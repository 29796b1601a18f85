"""The simulator: its reference is exact, its parameters do what they say, its seed is all its chance."""

import numpy as np
import pytest

from diarbook.assets import Recording, recordings
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import OptionError
from diarbook.metrics import shared_people
from diarbook.simulation import (
    clean_conversations,
    joined_words,
    lone_voice,
    perturb_speed,
    pink_noise,
    room_response,
    simulate_conversation,
    single_speaker_stretches,
    sounding_regions,
    through_channel,
    tile,
    voices,
    voices_outside_meetings,
)
from diarbook.turns import Turn, regions, speakers, speaking_time


def tone_recording(names="abc", seconds=6.0):
    """Each voice is a tone of its own, one after another."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [0.1 * np.sin(2 * np.pi * 300 * (index + 1) * time) for index in range(len(names))]
    turns = tuple(Turn(index * seconds, (index + 1) * seconds, name) for index, name in enumerate(names))
    waveform = np.concatenate(tones).astype(np.float32)
    return Recording("tones", waveform, turns, np.array([[0.0, len(names) * seconds]]), "train")


@pytest.fixture(scope="module")
def train():
    return recordings("train")


def test_stretches_by_hand():
    waveform = np.arange(10 * SAMPLE_RATE, dtype=np.float32)
    turns = (Turn(0, 4, "a"), Turn(3, 6, "b"), Turn(5.5, 7, "a"), Turn(7.1, 7.5, "b"))
    item = Recording("x", waveform, turns, np.array([[0.0, 10.0]]), "train")
    found = single_speaker_stretches([item], minimum=0.5)
    spans = {
        name: [(part[0] / SAMPLE_RATE, (part[-1] + 1) / SAMPLE_RATE) for part in parts] for name, parts in found.items()
    }
    assert spans == {"a": [(0, 3), (6, 7)], "b": [(4, 5.5)]}


def test_same_seed_same_conversation(train):
    one, other = (simulate_conversation(train, 3, 40, 0.1, seed=4) for _ in range(2))
    assert np.array_equal(one.waveform, other.waveform)
    assert one.turns == other.turns
    assert simulate_conversation(train, 3, 40, 0.1, seed=5).turns != one.turns


def test_reference_is_exact():
    talk = simulate_conversation([tone_recording()], 3, 60, 0.15, seed=1, snr=None, level_spread=0)
    frequency = {"a": 300, "b": 600, "c": 900}
    for start, end in regions(talk.turns):
        assert np.abs(talk.waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]).max() > 0.01
    quiet = np.ones(len(talk.waveform), bool)
    for start, end in regions(talk.turns):
        quiet[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE) + 2] = False
    assert not talk.waveform[quiet].any()
    for turn in talk.turns:
        middle = round((turn.start + turn.end) / 2 * SAMPLE_RATE)
        spectrum = np.abs(np.fft.rfft(talk.waveform[middle - 1600 : middle + 1600] * np.hanning(3200)))
        assert spectrum[frequency[turn.speaker] // 5] > 20 * np.median(spectrum)


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.3])
def test_overlap_ratio(overlap):
    talk = simulate_conversation([tone_recording()], 3, 240, overlap, seed=2)
    length = [np.diff(regions(talk.turns, least), axis=1).sum() for least in (1, 2)]
    assert length[1] / length[0] == pytest.approx(overlap, abs=0.03)
    assert regions(talk.turns, 3).size == 0


@pytest.mark.parametrize("people", [1, 2, 5])
def test_number_of_speakers_and_length(train, people):
    talk = simulate_conversation(train, people, 90, 0.1, seed=people)
    assert len(speakers(talk.turns)) == people
    assert len(talk.waveform) == 90 * SAMPLE_RATE
    assert talk.uem.tolist() == [[0.0, 90.0]]
    assert talk.split == "train"
    assert set(speakers(talk.turns)) <= set(voices(train))
    assert talk.turns[-1].end <= 90
    assert np.abs(talk.waveform).max() < 1


def test_pause_and_turn_length():
    short = simulate_conversation([tone_recording()], 2, 200, 0, seed=3, pause=0.2, turn_seconds=1.5)
    long = simulate_conversation([tone_recording()], 2, 200, 0, seed=3, pause=2.0, turn_seconds=4)
    assert len(short.turns) > 1.5 * len(long.turns)
    assert sum(speaking_time(short.turns).values()) > 1.2 * sum(speaking_time(long.turns).values())


def test_noise_level():
    clean, noisy = (
        simulate_conversation([tone_recording()], 2, 60, 0, seed=3, snr=snr, level_spread=0) for snr in (None, 10)
    )
    noise = noisy.waveform - clean.waveform
    voice = clean.waveform[clean.waveform != 0]
    assert 10 * np.log10(np.mean(voice**2) / np.mean(noise**2)) == pytest.approx(10, abs=1)


def test_reverberation_lengthens_sound_but_not_the_reference():
    dry, wet = (
        simulate_conversation([tone_recording()], 2, 30, 0, seed=6, snr=None, pause=2, reverberation=decay)
        for decay in (0.0, 0.5)
    )
    end = dry.turns[0].end
    after = slice(round(end * SAMPLE_RATE) + 10, round((end + 0.1) * SAMPLE_RATE))
    assert not dry.waveform[after].any()
    assert wet.waveform[after].any()


def test_room_response_decays_by_60_db():
    response = room_response(0.5, np.random.default_rng(0))
    assert response[0] == 1
    early, late = (np.mean(response[first : first + 400] ** 2) for first in (100, len(response) - 500))
    assert 10 * np.log10(early / late) == pytest.approx(57, abs=5)


def test_pink_noise_has_equal_power_in_octaves():
    noise = pink_noise(20 * SAMPLE_RATE, np.random.default_rng(0))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=0.02)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[20 * low : 20 * 2 * low].sum() for low in (250, 500, 1000, 2000)]
    assert max(octaves) / min(octaves) < 1.2


def test_tile(train):
    long = tile(train[:3], 100)
    assert len(long.waveform) == 100 * SAMPLE_RATE
    lap = sum(len(item.waveform) for item in train[:3])
    assert np.array_equal(long.waveform[lap:], train[0].waveform[: 100 * SAMPLE_RATE - lap])
    assert long.turns[-1].end <= 100
    seconds = lap / SAMPLE_RATE
    again = [turn for turn in long.turns if turn.start >= seconds]
    first = [turn for turn in train[0].turns if turn.start < 100 - seconds]
    assert len(again) == len(first)
    for one, other in zip(sorted(again), sorted(first), strict=True):
        assert one.start == pytest.approx(other.start + seconds)
        assert one.speaker == other.speaker


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": 0}, "speakers must be 1"),
        ({"seconds": 0}, "seconds above 0"),
        ({"overlap": 0.9}, "overlap 0 to 0.5"),
        ({"pause": -1}, "pause"),
        ({"speakers": 99}, "voices"),
    ],
)
def test_parameters_out_of_range(options, message):
    with pytest.raises(OptionError, match=message):
        simulate_conversation([tone_recording()], **{"speakers": 2, "seconds": 10, **options})


def test_nothing_to_tile():
    with pytest.raises(OptionError, match="tile"):
        tile([], 10)


def bursts(spans, seconds=6.0, ground=1e-4, seed=0):
    """Noise of amplitude 0.1 within the spans over a quiet ground."""
    generator = np.random.default_rng(seed)
    waveform = ground * generator.standard_normal(round(seconds * SAMPLE_RATE))
    for start, end in spans:
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        waveform[first:last] += 0.1 * generator.standard_normal(last - first)
    return waveform.astype(np.float32)


def test_sounding_regions_bridge_short_pauses_only_and_leave_out_clicks():
    waveform = bursts([(1.0, 2.0), (2.2, 3.0), (4.0, 5.0), (5.5, 5.52)])
    regions_ = sounding_regions(waveform, pause=0.3, shortest=0.1, margin=0.03)
    assert regions_ == pytest.approx(np.array([[0.96, 3.04], [3.96, 5.04]]), abs=0.02)
    assert len(sounding_regions(waveform, pause=0.05)) == 3


@pytest.mark.parametrize("gain", [1e-3, 1.0, 8.0])
def test_sounding_regions_do_not_depend_on_the_level(gain):
    waveform = bursts([(1.0, 2.0), (4.0, 5.0)])
    assert np.array_equal(sounding_regions(waveform), sounding_regions(waveform * np.float32(gain)))


def test_sounding_regions_rise_with_a_noisy_ground():
    # 26 dB under the speech is above the floor of 35, so only the ground's own level keeps it out.
    assert sounding_regions(bursts([(1.0, 4.0)], ground=0.005)) == pytest.approx(np.array([[0.96, 4.04]]), abs=0.03)


def test_silence_sounds_nowhere_or_nothing_is_asked():
    assert sounding_regions(np.zeros(0, dtype=np.float32)).shape == (0, 2)


def test_lone_voice_is_a_reference_by_its_own_level():
    voice = lone_voice("x", "Ann", bursts([(1.0, 2.0), (4.0, 5.0)]))
    assert [turn.speaker for turn in voice.turns] == ["Ann", "Ann"]
    assert [turn.start for turn in voice.turns] == pytest.approx([0.97, 3.97], abs=0.03)
    assert voice.uem.tolist() == [[0.0, 6.0]]


def test_joined_words_lose_their_silence():
    words = [bursts([(1.0, 1.5)], seconds=3.0, seed=number) for number in range(5)]
    phrases = joined_words(words, gap=0.12, longest=1.0)
    assert [len(phrase) / SAMPLE_RATE for phrase in phrases] == pytest.approx([1.4, 1.4, 0.7], abs=0.1)
    assert joined_words([]) == []


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_length_and_pitch_together(factor):
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    fast = perturb_speed(np.sin(2 * np.pi * 1000 * time).astype(np.float32), factor)
    assert len(fast) == pytest.approx(SAMPLE_RATE / factor, abs=2)
    spectrum = np.abs(np.fft.rfft(fast * np.hanning(len(fast))))
    assert spectrum.argmax() * SAMPLE_RATE / len(fast) == pytest.approx(1000 * factor, abs=2)


def test_speed_out_of_range_is_refused():
    with pytest.raises(OptionError, match=r"between 0\.5 and 2, got 3"):
        perturb_speed(np.zeros(100, dtype=np.float32), 3)


def test_through_a_channel_the_reference_stays():
    talk = tone_recording("a")  # 300 Hz
    quiet = through_channel(talk, level=-50)
    assert 20 * np.log10(np.abs(quiet.waveform).max()) == pytest.approx(-50, abs=0.01)
    assert quiet.turns == talk.turns
    hum = Recording("hum", np.sin(2 * np.pi * 60 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32),
                    (), np.zeros((0, 2)), "train")  # fmt: skip
    assert np.abs(through_channel(hum, telephone=True).waveform[4000:-4000]).max() < 1e-3
    assert np.array_equal(through_channel(hum).waveform, hum.waveform)
    with pytest.raises(OptionError, match="0 dB of full scale or below, got 3"):
        through_channel(talk, level=3)


def test_the_voices_outside_the_meetings_are_fourteen_and_in_no_clip():
    people = voices(voices_outside_meetings())
    assert len(people) == 14
    assert not set(people) & set(voices(recordings()))
    cast = voices(voices_outside_meetings()[:3])
    assert cast == ["m1"]


def test_all_but_one_of_them_have_speech_enough_to_be_cast():
    talk = simulate_conversation(voices_outside_meetings(), speakers=13, seconds=60, seed=0)
    assert len(speakers(talk.turns)) >= 10
    with pytest.raises(OptionError, match="13 voices"):
        simulate_conversation(voices_outside_meetings(), speakers=14, seconds=60)


def test_clean_conversations_share_nobody_with_each_other_or_with_the_meetings():
    talks = clean_conversations(seconds=20.0)
    assert len(talks) == 6
    people = [set(speakers(talk.turns)) for talk in talks.values()]
    assert all(len(pair) == 2 for pair in people)
    assert len(set().union(*people)) == 12
    assert set(shared_people({name: talk.turns for name, talk in talks.items()}).values()) == set(talks)
    in_meetings = {turn.speaker for clip in recordings() for turn in clip.turns}
    assert not in_meetings & set().union(*people)
    assert all(len(talk.waveform) == 20 * 16_000 and talk.name == name for name, talk in talks.items())
