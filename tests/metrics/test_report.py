import json
import math

import pytest

from diarbook.metrics import PRESETS, mean_rate, pool, score
from diarbook.metrics.report import describe
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


def test_interval_is_that_of_the_pooled_rate():
    report = score(REFERENCE, HYPOTHESIS, samples=200, seed=1)
    low, high = report.interval.der
    assert low < report.pooled.rate < high
    assert report.to_json()["pooled"]["interval"]["der"] == [low, high]
    assert "95% interval of the pooled DER" in report.to_text()
    alone = score({"a": REFERENCE["long"]}, {"a": HYPOTHESIS["long"]}, samples=10)
    assert math.isnan(alone.interval.der[0])
    assert alone.to_json()["pooled"]["interval"]["reason"]
    assert "two files" in alone.to_text()


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
