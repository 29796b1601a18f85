import json

import pytest

from diarbook.metrics import PRESETS, mean_rate, pool, rate_spread, score
from diarbook.metrics.protocol import describe
from diarbook.turns import Turn

REFERENCE = {"long": [Turn(0, 90, "A")], "short": [Turn(0, 10, "A")], "silent": []}
HYPOTHESIS = {"long": [Turn(9, 90, "x")], "short": [Turn(0, 5, "x")], "silent": [Turn(0, 1, "x")]}


def test_pooled_mean_and_files():
    document = score(REFERENCE, HYPOTHESIS).to_json()
    assert list(document) == ["protocol", "pooled", "mean", "files"]
    # 9 + 5 + 1 s wrong of 100 s; the mean of the two files that have a rate is (10 % + 50 %) / 2.
    pooled = document["pooled"]
    assert pooled == {
        "der": 0.15, "missed": 14, "false_alarm": 1, "confusion": 0, "total": 100, "jer": pytest.approx(0.3)
    }  # fmt: skip
    assert document["mean"]["der"] == 0.3
    assert document["mean"]["missed"] == pytest.approx(14 / 3)
    assert document["files"]["short"]["der"] == 0.5
    assert document["files"]["short"]["mapping"] == {"x": "A"}
    silent = document["files"]["silent"]
    assert silent["der"] is None
    assert silent["jer"] is None
    assert "no speech" in silent["reason"]
    json.dumps(document, allow_nan=False)


def test_nothing_at_all():
    document = score({}, {}).to_json()
    assert document["pooled"]["der"] is None
    assert document["mean"]["der"] is None
    assert document["files"] == {}
    assert "pooled (0 files)" in score({}, {}).to_text()


def corpus(number):
    """Files of 10 s in which the system misses 0, 1, 2 ... s."""
    names = [f"f{k}" for k in range(number)]
    return {name: [Turn(0, 10, name)] for name in names}, {f"f{k}": [Turn(k, 10, "x")] for k in range(number)}


def test_five_files_have_the_interval_of_the_pooled_rate():
    report = score(*corpus(6), samples=200, seed=1)
    rows = {name: (error.error, error.total) for name, error in report.errors.items()}
    spread = rate_spread(rows, samples=200, seed=1)
    assert report.interval.der == spread
    assert spread.low < report.pooled.rate < spread.high
    entry = report.to_json()["pooled"]["interval"]
    assert entry["der"] == [spread.low, spread.high]
    assert (entry["kind"], entry["count"], entry["over"]) == ("interval", 6, "files")
    assert "reason" not in entry
    text = report.to_text(jer=True)
    assert "95% interval of the pooled DER" in text
    assert "95% interval of the pooled JER" in text
    assert "bootstrap over 6 files, 200 resamples, seed 1" in text


def test_fewer_than_five_files_have_a_range_and_say_so():
    report = score(REFERENCE, HYPOTHESIS, samples=200, seed=1)
    # 9 of 90 s and 5 of 10 s; the third file holds no speech.
    assert (report.interval.der.low, report.interval.der.high) == (0.1, 0.5)
    entry = report.to_json()["pooled"]["interval"]
    assert (entry["der"], entry["kind"], entry["count"]) == ([0.1, 0.5], "range", 2)
    assert "5 independent files" in entry["reason"]
    assert "range of the DER of 2 files: 10.00 to 50.00 % (no interval: an interval needs 5" in report.to_text()
    alone = score({"a": REFERENCE["long"]}, {"a": HYPOTHESIS["long"]}, samples=10)
    assert "\nno interval: an interval needs 5 independent files" in alone.to_text()
    nothing = score({"silent": []}, {"silent": []}, samples=10)
    assert nothing.to_json()["pooled"]["interval"]["der"] == [None, None]
    json.dumps(nothing.to_json(), allow_nan=False)


def test_files_of_the_same_people_count_once():
    references, hypotheses = corpus(6)
    report = score(references, hypotheses, units=dict.fromkeys(references, "one group"), samples=10)
    assert report.interval.der.units == 1
    assert "no interval" in report.to_text()
    assert score(references, hypotheses, units={n: n for n in references}, samples=10).interval.over == "units"


def test_text_labels_pooled_and_mean_and_states_the_protocol():
    text = score(REFERENCE, HYPOTHESIS, PRESETS["forgiving"]).to_text(per_file=True, jer=True)
    lines = text.splitlines()
    assert lines[0].startswith("Protocol: collar 0.25 s on each side of a boundary, overlap left out")
    assert any(line.startswith("pooled (3 files)") for line in lines)
    assert any(line.startswith("mean of 3 files") for line in lines)
    assert "no rate for silent" in text
    assert "JER" not in score(REFERENCE, HYPOTHESIS).to_text()


def test_each_option_shows_in_the_protocol_line():
    lines = {describe(protocol) for protocol in PRESETS.values()} | {describe(PRESETS["full"], has_uem=True)}
    assert len(lines) == 5  # without collar, full and pyannote are the same protocol
    assert describe(PRESETS["full"]) == describe(PRESETS["pyannote"])


def test_it_is_the_sum_of_its_parts():
    report = score(REFERENCE, HYPOTHESIS)
    assert report.pooled == pool(report.errors.values())
    assert report.to_json()["mean"]["der"] == mean_rate(report.errors.values())
