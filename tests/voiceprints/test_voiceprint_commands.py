from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile as sf

from diarbook.assets import recordings
from diarbook.cli import main
from diarbook.rttm import read_rttm, write_rttm
from diarbook.turns import Turn, speakers
from diarbook.voiceprints.store import VoiceprintStore


@pytest.fixture
def talk(tmp_path, monkeypatch):
    [sample] = [one for one in recordings("test") if one.name == "sample"]
    sf.write(tmp_path / "talk.wav", sample.waveform, 16_000)
    write_rttm(tmp_path / "talk.rttm", {"talk": sample.turns})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIARBOOK_STORE", str(tmp_path / "v.db"))
    return speakers(sample.turns)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def enroll(capsys, name, speaker, *options):
    return run(
        capsys, "enroll", name, "talk.wav", "--turns", "talk.rttm", "--speaker", speaker, "--consent", "yes", *options
    )


def test_enroll_identify_and_verify(talk, capsys):
    status, out, err = enroll(capsys, "Ann Lee", talk[0], "--expires", "2099-12-31")
    assert status == 0
    assert out.startswith("Ann Lee: ")
    assert "model campplus 92f29b94e694, kept in" in out
    assert "10 s or more make fewer errors" in err or err == ""
    with VoiceprintStore("v.db") as store:
        assert store.get("Ann Lee").consent.expires.year == 2099
    status, out, err = run(capsys, "identify", "talk.wav", "--turns", "talk.rttm")
    assert status == 0
    (turns,) = read_rttm_text(out).values()
    assert set(speakers(turns)) == {"Ann_Lee", talk[1]}
    assert f"{talk[0]}: Ann Lee (nearest Ann Lee at 1.000" in err
    assert f"{talk[1]}: unknown (nearest Ann Lee at" in err
    assert "threshold 0.440, for 1 person enrolled; model campplus 92f29b94e694; calibration: none" in err
    err = run(capsys, "identify", "talk.wav", "--turns", "talk.rttm", "--threshold", "0.9")[2]
    assert "threshold 0.900, as given; model" in err
    status, out, err = run(capsys, "verify", "talk.wav", "talk.wav")
    assert status == 0
    assert out.startswith("accepted\ttalk.wav\tscore 1.000\tthreshold 0.440")
    assert "model campplus 92f29b94e694; calibration: none" in err
    assert run(capsys, "verify", "talk.wav", "Ann Lee", "--threshold", "1")[1].startswith("rejected\tAnn Lee\t")


def read_rttm_text(text):
    Path("out.rttm").write_text(text, encoding="utf-8")
    return read_rttm("out.rttm")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll", "A", "none.wav", "--consent", "x"], "none.wav: no such file"),
        (["enroll", "A", "talk.wav", "--consent", " "], "consent: the statement is empty"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--expires", "2020-01-01"], "consent: it expires before"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--turns", "talk.rttm"], "nobody is called 'A' in talk, only"),
        (["enroll", "", "talk.wav", "--consent", "x"], "is empty; give a name"),
        (["enroll", "SPEAKER_01", "none.wav", "--consent", "x"], "is the label of an unknown speaker"),
        (["enroll", "A\x1b[2J", "none.wav", "--consent", "x"], "holds the control character U+001B"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--store", "no/v.db"], "its folder does not exist"),
        (["verify", "talk.wav", "talk.wav", "--threshold", "nan"], "threshold must be a cosine"),
        (["verify", "talk.wav", "Eve", "--store", "."], "is a folder; give the path of a file"),
        (["verify", "talk.wav", "Eve"], "no such store"),
        (["identify", "talk.wav"], "no such store"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(talk, capsys, tmp_path, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert message in err
    assert not (tmp_path / "v.db").exists()


def test_a_name_is_not_taken_twice_by_accident(talk, capsys):
    assert enroll(capsys, "Ann Lee", talk[0])[0] == 0
    for name, message in (
        ("Ann Lee", "'Ann Lee' is there already; use --replace or another name"),
        ("ann_lee", "RTTM would write 'ann_lee' like 'Ann Lee', who is another person"),
    ):
        # before the recording is looked at
        status, _, err = run(capsys, "enroll", name, "none.wav", "--consent", "yes")
        assert (status, message in err) == (1, True)
    assert enroll(capsys, "Ann Lee", talk[1], "--replace")[0] == 0


def test_a_voice_that_is_there_already_is_noted(talk, capsys):
    assert "sounds like" not in enroll(capsys, "Zoe", talk[0])[2]
    status, _, err = enroll(capsys, "Amy", talk[0])
    assert status == 0
    assert "diarbook: note: Amy: sounds like Zoe, who is enrolled too (cosine 1.00); if they are one person" in err
    assert enroll(capsys, "Eve", talk[0], "--quiet")[2] == ""


def test_a_person_is_not_a_file_of_that_name(talk, capsys):
    assert enroll(capsys, "Ann Lee", talk[0], "--store", "v.db")[0] == 0
    sf.write("Ann Lee", sf.read("talk.wav")[0], 16_000, format="WAV")
    status, out, err = run(capsys, "verify", "talk.wav", "Ann Lee", "--store", "v.db")
    assert status == 0
    assert out.split("\t")[1] == "Ann Lee"
    assert "score 1.000" not in out  # the whole call is not Ann alone
    status, out, err = run(capsys, "verify", "talk.wav", "Ann Lee")  # the store is in the environment
    assert (status, out) == (1, "")
    assert "Ann Lee: is a file and also a person of" in err
    assert run(capsys, "verify", "talk.wav", "./Ann Lee")[1].startswith("accepted\tAnn Lee\tscore 1.000")
    status, _, err = run(capsys, "verify", "talk.wav", "talk.wav", "--store", "v.db")
    assert (status, "nobody is called 'talk.wav', which is a file; leave out --store" in err) == (1, True)


def test_nobody_is_verified_or_identified_whose_consent_has_ended(talk, capsys, monkeypatch):
    assert enroll(capsys, "Ann", talk[0], "--expires", "2099-12-31")[0] == 0
    later = datetime(2100, 1, 1, tzinfo=UTC)
    for module in ("store", "voiceprint"):
        monkeypatch.setattr(f"diarbook.voiceprints.{module}.now", lambda: later)
    status, out, err = run(capsys, "verify", "talk.wav", "Ann")
    assert (status, out, "Ann: the consent ended on 2099-12-31; ask and enroll again" in err) == (1, "", True)
    status, out, err = run(capsys, "identify", "talk.wav", "--turns", "talk.rttm")
    assert (status, " Ann " in out) == (0, False)
    assert "the consent of Ann has ended, and nobody is compared; delete with `diarbook store expire`" in err


def test_turns_beyond_the_recording_are_named(talk, capsys):
    write_rttm("late.rttm", {"talk": [Turn(500.0, 520.0, "A")]})
    status, _, err = run(capsys, "enroll", "A", "talk.wav", "--turns", "late.rttm", "--consent", "yes")
    assert (status, err.count("\n")) == (1, 1)
    assert "recording 1 lasts 30.0 s and the regions reach 520.0 s; what lies beyond was left out" in err


def test_the_same_file_twice_counts_once(talk, capsys):
    once = enroll(capsys, "A", talk[0])[1].split(" s of speech")[0]
    arguments = ("--turns", "talk.rttm", "--speaker", talk[0], "--consent", "yes")
    _, out, err = run(capsys, "enroll", "A", "talk.wav", "talk.wav", *arguments, "--replace")
    assert out.split(" s of speech")[0] == once
    assert "diarbook: note: A: recording 2 is recording 1 again; the same speech counts once" in err


def test_the_consent_is_asked_for(talk, capsys):
    status, _, err = run(capsys, "enroll", "Ann", "talk.wav")
    assert status == 2
    assert "--consent" in err


def test_silence_is_identified_as_nobody(talk, capsys):
    assert enroll(capsys, "Ann", talk[0])[0] == 0
    sf.write("silence.wav", [0.0] * 80_000, 16_000)
    status, out, err = run(capsys, "identify", "silence.wav")
    assert (status, out) == (0, "")
    assert "threshold 0.440" in err


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_stereo_of_any_rate_is_enrolled(talk, capsys, rate):
    samples, _ = sf.read("talk.wav")
    narrow = samples[:: 16_000 // rate]
    sf.write("stereo.wav", [[value, value] for value in narrow], rate)
    status, out, _ = run(capsys, "enroll", "Both", "stereo.wav", "--consent", "yes")
    assert (status, out.split(":")[0]) == (0, "Both")
