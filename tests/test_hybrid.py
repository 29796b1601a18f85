from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from diarbook.assets import recording
from diarbook.cli import main
from diarbook.embeddings.embedder import model_identity
from diarbook.errors import VoiceprintError
from diarbook.hybrid import adapt_speakers, enroll_speakers, introduce, is_anonymous
from diarbook.rttm import write_rttm
from diarbook.turns import Turn, relabel, to_audacity
from diarbook.voiceprints.adaptation import UNGUARDED
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

CONSENT = Consent("to be recognized", datetime(2026, 1, 1, tzinfo=UTC))
NAMES = {"MEE009": "Ann Lee", "MEE012": "Bob"}


@pytest.fixture(scope="module")
def sessions():
    return recording("dev00"), recording("dev01")


@pytest.mark.parametrize(
    ("label", "expected"),
    [("SPEAKER_00", True), ("speaker 3", True), ("spk1", True), ("7", True), ("unknown", True), ("?", True), ("", True),
     ("<NA>", True),
     ("Ann", False), ("MEE009", False), ("Speaker Deck", False), ("Agent 47", False)],
)  # fmt: skip
def test_machines_labels_and_names(label, expected):
    assert is_anonymous(label) is expected


def test_whom_the_correction_names_is_enrolled_and_the_rest_is_reported(sessions):
    first, _ = sessions
    turns = [*relabel(first.turns, {"MEE009": "Ann", "MEE012": "SPEAKER_01"}), Turn(0.0, 0.4, "Eve")]
    made = enroll_speakers(first.waveform, turns, CONSENT)
    assert [one.voiceprint.name for one in made.enrollments] == ["Ann"]
    assert made.enrollments[0].voiceprint.net_speech > 10
    assert list(made.refused) == ["Eve"]
    assert "0.4 s of speech, at least 3 s are needed" in made.refused["Eve"]


def test_nobody_is_enrolled_without_a_consent_of_their_own(sessions):
    first, _ = sessions
    made = enroll_speakers(first.waveform, relabel(first.turns, NAMES), {"Bob": CONSENT})
    assert [one.voiceprint.name for one in made.enrollments] == ["Bob"]
    assert made.refused == {"Ann Lee": "no consent; ask, and enroll then"}
    with pytest.raises(VoiceprintError, match=r"name nobody, only SPEAKER_00; put names"):
        enroll_speakers(first.waveform, [Turn(0, 5, "SPEAKER_00")], CONSENT)


def test_adaptation_is_kept_only_for_those_who_pass(sessions, tmp_path):
    first, second = sessions
    with VoiceprintStore(tmp_path / "v.db") as store:
        made = enroll_speakers(first.waveform, relabel(first.turns, NAMES), CONSENT)
        store.add_many([one.voiceprint for one in made.enrollments])
        before = {one.name: one for one in store}
        swapped = relabel(second.turns, {"MEE009": "Bob", "MEE012": "Ann Lee"})
        wrong = adapt_speakers(second.waveform, swapped, store)
        assert all(one.refused for one in wrong.values())
        np.testing.assert_array_equal(store.get("Bob").vector, before["Bob"].vector)
        dry = adapt_speakers(second.waveform, swapped, store, rule=UNGUARDED, keep=False)
        assert not any(one.refused for one in dry.values())
        assert store.get("Bob").enrolled is None
        right = adapt_speakers(second.waveform, relabel(second.turns, NAMES), store)
        assert sorted(name for name, one in right.items() if not one.refused) == ["Ann Lee", "Bob"]
        after = store.get("Ann Lee")
        np.testing.assert_array_equal(after.template, before["Ann Lee"].vector)
        assert after.net_speech > before["Ann Lee"].net_speech
        assert adapt_speakers(second.waveform, [Turn(0, 9, "Zoe")], store) == {}


def test_nobody_is_adapted_whose_consent_has_ended(tmp_path):
    """And it is noticed before anything is embedded."""
    begin = now() - timedelta(days=2)
    with VoiceprintStore(tmp_path / "v.db") as store:
        one = Voiceprint("Ann", np.ones(192), *model_identity(), 9.0, 3, 0.9, begin, Consent("yes", begin))
        store.add(one)
        store._connection.execute("UPDATE voiceprint SET expires = ?", ((begin + timedelta(days=1)).isoformat(),))
        with pytest.raises(VoiceprintError, match="Ann: the consent ended on"):
            adapt_speakers(np.full(16_000, np.nan), [Turn(0, 1, "Ann")], store)


@dataclass
class Cached:
    label: str
    centroid: np.ndarray
    seconds: float
    model: str = "ge2e"
    model_version: str = "v7"


@dataclass
class Stream:
    speakers: list


def test_a_newcomer_is_introduced_from_the_cache():
    stream = Stream([Cached("SPEAKER_00", np.array([3.0, 4.0]), 5.0), Cached("SPEAKER_01", np.array([1.0, 0.0]), 2.0)])
    made = introduce(stream, "SPEAKER_00", "Cleo", CONSENT)
    np.testing.assert_allclose(made.vector, [0.6, 0.8], rtol=1e-6)
    assert (made.name, made.net_speech, made.consent) == ("Cleo", 5.0, CONSENT)
    assert (made.model, made.model_version) == ("ge2e", "v7")  # what the stream heard with
    with pytest.raises(VoiceprintError, match=r"SPEAKER_01 has spoken alone for 2\.0 s, at least 3 s"):
        introduce(stream, "SPEAKER_01", "Dan", CONSENT)
    with pytest.raises(VoiceprintError, match="nobody is called 'SPEAKER_07' so far, only SPEAKER_00, SPEAKER_01"):
        introduce(stream, "SPEAKER_07", "Dan", CONSENT)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


@pytest.fixture
def folder(sessions, tmp_path, monkeypatch):
    for session, name in zip(sessions, ("one", "two"), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", session.waveform, 16_000)
    (tmp_path / "one.txt").write_text(to_audacity(relabel(sessions[0].turns, NAMES)), encoding="utf-8")
    plain = {label: name.replace(" ", "_") for label, name in NAMES.items()}
    write_rttm(tmp_path / "two.rttm", {"two": relabel(sessions[1].turns, plain)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIARBOOK_STORE", "v.db")
    return tmp_path


def test_from_labels_to_voiceprints_that_follow_their_owners(folder, capsys):
    status, out, _ = run(capsys, "enroll-all", "one.wav", "--turns", "one.txt", "--consent", "yes")
    assert status == 0
    assert out.splitlines()[0].startswith("Ann Lee: ")
    assert out.splitlines()[1].startswith("Bob: ")
    status, out, err = run(capsys, "adapt", "two.wav", "--turns", "two.rttm", "--dry-run")
    assert (status, "Ann Lee: adapted (dry run); cosine 0." in out) == (0, True)
    assert "model campplus 92f29b94e694; calibration: none" in err
    with VoiceprintStore("v.db") as store:
        assert store.get("Ann Lee").enrolled is None
    assert "Ann Lee: adapted; cosine" in run(capsys, "adapt", "two.wav", "--turns", "two.rttm")[1]
    with VoiceprintStore("v.db") as store:
        assert store.get("Ann Lee").enrolled is not None
    status, out, err = run(capsys, "identify", "two.wav", "--turns", "two.rttm")
    assert (status, out.count(" Ann_Lee ") > 2) == (0, True)


def test_some_of_them_only(folder, capsys):
    arguments = ("enroll-all", "one.wav", "--turns", "one.txt", "--consent", "yes", "--only")
    assert run(capsys, *arguments, "Zoe") == (
        1,
        "",
        "diarbook: one.txt: nobody is called 'Zoe', only Ann Lee, Bob; correct --only\n",
    )
    assert not (folder / "v.db").exists()
    status, out, err = run(capsys, *arguments, "Bob")
    assert (status, err.count("\n") < 2, out.startswith("Bob: ")) == (0, True, True)
    with VoiceprintStore("v.db") as store:
        assert store.names() == ["Bob"]


def test_who_says_too_little_is_reported_and_the_others_are_kept(folder, capsys):
    with (folder / "one.txt").open("a") as labels:
        labels.write("0.0\t0.4\tEve\n")
    status, out, err = run(capsys, "enroll-all", "one.wav", "--turns", "one.txt", "--consent", "yes")
    assert (status, out.count("\n")) == (1, 2)
    assert "diarbook: Eve was not enrolled: 0.4 s of speech" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adapt", "two.wav", "--turns", "two.rttm"), "v.db: no such store"),
        (("enroll-all", "one.wav", "--turns", "two.rttm", "--consent", "x"), "has no turns of 'one', only of two"),
        (("enroll-all", "one.wav", "--turns", "none.txt", "--consent", "x"), "none.txt: no such file"),
        (("enroll-all", "one.wav", "--turns", "one.txt", "--consent", " "), "consent: the statement is empty"),
        (("enroll-all", "none.wav", "--turns", "one.txt", "--consent", "x"), "none.wav: no such file"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(folder, capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert message in err
    assert not (folder / "v.db").exists()


def test_a_conversation_without_anybody_of_the_store(folder, capsys):
    assert run(capsys, "enroll-all", "one.wav", "--turns", "one.txt", "--consent", "yes", "--only", "Bob")[0] == 0
    (folder / "two.txt").write_text("0\t9\tZoe\n")
    status, _, err = run(capsys, "adapt", "two.wav", "--turns", "two.txt")
    assert (status, "two.txt: names nobody of v.db, only Zoe" in err) == (1, True)
