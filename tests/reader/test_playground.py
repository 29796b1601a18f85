import base64
import html
import io
import json
import re

import numpy as np
import pytest
import soundfile

from diarbook.errors import AudioError, DiarbookError, OptionError, RttmError
from diarbook.metrics import diarization_error
from diarbook.reader import plots
from diarbook.reader.playground import Playground, excerpt, playground, script
from diarbook.turns import Turn

REFERENCE = [Turn(0.0, 1.0, "a"), Turn(1.0, 1.5, "b")]
HYPOTHESIS = [Turn(0.0, 1.5, "x")]


def noise(seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, int(16_000 * seconds)).astype(np.float32)


def case_in(text: str) -> dict:
    """The case as a browser reads it from the attribute."""
    (attribute,) = re.findall(r'<der-playground case="([^"]*)">', text)
    return json.loads(html.unescape(attribute))


def test_the_case_holds_what_was_given():
    shown = playground(
        noise(),
        REFERENCE,
        HYPOTHESIS,
        "A title",
        collar=0.25,
        skip_overlap=True,
        uem=np.array([[0, 1.25]]),
        name="clip",
    )
    case = case_in(shown._repr_html_())
    assert case == shown.case
    assert case["reference"] == [[0.0, 1.0, "a"], [1.0, 1.5, "b"]]
    assert case["hypothesis"] == [[0.0, 1.5, "x"]]
    assert (case["collar"], case["skip_overlap"], case["uem"], case["duration"]) == (0.25, True, [[0.0, 1.25]], 2.0)
    assert case["colors"] == {"a": plots.PALETTE[0], "b": plots.PALETTE[1]}


def test_the_sound_is_the_waveform_as_mp3():
    case = playground(noise(), REFERENCE, HYPOTHESIS).case
    kind, data = case["audio"].split(",")
    assert kind == "data:audio/mpeg;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert rate == 16_000
    assert len(samples) == pytest.approx(32_000, abs=1200)
    peaks = np.frombuffer(base64.b64decode(case["peaks"]), dtype=np.uint8)
    assert len(peaks) == 1000
    assert peaks.max() == 255


def test_silence_has_a_flat_picture():
    case = playground(np.zeros(16_000, np.float32), [], []).case
    assert set(base64.b64decode(case["peaks"])) == {0}


def test_the_summary_is_the_score():
    shown = playground(noise(), REFERENCE, HYPOTHESIS)
    error = diarization_error(REFERENCE, HYPOTHESIS)
    assert f"DER {100 * error.rate:.1f} %" in shown.summary
    assert shown.summary in repr(shown)
    assert "undefined" in playground(noise(), [], HYPOTHESIS).summary


@pytest.mark.parametrize("name", ["</script><b>", '"onload="x', "&amp;", "'", "<!--", "MÉO069", "日本"])
def test_names_and_titles_cannot_leave_the_attribute(name):
    text = playground(noise(), [Turn(0, 1, name)], [Turn(0, 1, name)], f"Title {name}", name=name).page()
    case = case_in(text)
    assert case["reference"][0][2] == case["hypothesis"][0][2] == case["name"] == name
    assert case["title"] == f"Title {name}"
    assert text.count("</script>") == 1
    assert text.count("<der-playground ") == 1
    assert "<b>" not in text.split("<script>")[0]


def test_the_script_can_stand_in_a_page():
    assert "</script" not in script()
    assert "<!--" not in script()
    assert "://" not in script()


def test_colors_are_those_of_the_book():
    case = playground(noise(), REFERENCE, HYPOTHESIS).case
    assert case["palette"] == list(plots.PALETTE)
    assert list(case["error_colors"]) == ["missed", "false_alarm", "confusion"]
    assert list(case["error_colors"].values()) == list(plots.ERROR_COLORS.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collar": -0.1}, "collar"),
        ({"collar": 1.5}, "at most 1 s"),
        ({"collar": float("nan")}, "collar"),
        ({"mapping": "later"}, "mapping"),
        ({"sample_rate": 0}, "sample_rate"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        playground(noise(), REFERENCE, HYPOTHESIS, **options)


def test_bad_input_is_refused():
    with pytest.raises(AudioError):
        playground(np.zeros((2, 16_000)), REFERENCE, HYPOTHESIS)
    with pytest.raises(RttmError, match="which RTTM cannot hold"):
        playground(noise(), [Turn(0, 1, "two words")], HYPOTHESIS)
    with pytest.raises(RttmError, match="which RTTM cannot hold"):
        playground(noise(), REFERENCE, HYPOTHESIS, name="my talk")
    with pytest.raises(OptionError, match=r"hypothesis: a turn of 'x' starts at 7\.00 s"):
        playground(noise(), REFERENCE, [Turn(7, 8, "x")])
    with pytest.raises(OptionError, match="theme"):
        playground(noise(), REFERENCE, HYPOTHESIS).page("blue")


def test_a_missing_script_is_named(monkeypatch, tmp_path):
    script.cache_clear()
    monkeypatch.setattr("diarbook.files.repository_root", lambda: tmp_path)
    with pytest.raises(DiarbookError, match=r"der-playground\.js: missing"):
        script()
    monkeypatch.undo()
    script.cache_clear()
    assert "der-playground" in script()


def test_it_is_shown_by_a_notebook():
    shown = playground(noise(), REFERENCE, HYPOTHESIS)
    assert isinstance(shown, Playground)
    assert shown._repr_html_().endswith("</script>")
    assert "<p>DER " in shown.element()


def test_an_excerpt_starts_at_zero():
    waveform = np.arange(32_000, dtype=np.float32)
    samples, turns = excerpt(waveform, [Turn(0.0, 0.75, "a"), Turn(0.5, 1.25, "b"), Turn(1.5, 2.0, "c")], 0.5, 1.0)
    assert (samples[0], len(samples)) == (8000, 8000)
    assert turns == [Turn(0.0, 0.25, "a"), Turn(0.0, 0.5, "b")]
    for start, end in ((-1, 1), (1, 1), (1, 3)):
        with pytest.raises(OptionError, match="within 0 to 2"):
            excerpt(waveform, [], start, end)
