import itertools
import math
import sys
from subprocess import run

import numpy as np
import pytest
import simpleder
import spyder
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.core import Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from pyannote.metrics.identification import IdentificationErrorRate
from random_turns import conversation, hypotheses, protocols, references, seeded

from diarbook.errors import OptionError
from diarbook.metrics import (
    PRESETS,
    Protocol,
    best_matching,
    diarization_error,
    diarization_errors,
    identification_error,
    mean_rate,
    pool,
    preset,
)
from diarbook.turns import Turn, relabel, shift, to_annotation


def parts(error):
    return error.missed, error.false_alarm, error.confusion, error.total


def test_each_part_by_hand():
    # A speaks 0-10. The system starts 2 s late (missed 2), says x until 8, then y until 12.
    # Matching x with A shares 6 s, y with A only 2 s: x is A. So 8-10 is confusion (2), 10-12 false alarm (2).
    error = diarization_error([Turn(0, 10, "A")], [Turn(2, 8, "x"), Turn(8, 12, "y")])
    assert parts(error) == (2, 2, 2, 10)
    assert error.rate == 0.6
    assert error.mapping == {"x": "A"}
    assert error.reason is None


def test_overlap_counts_once_for_each_speaker():
    # A 0-10 and B 6-10: 14 s of speaker time in 10 s. The system hears one voice: it misses one of two for 4 s.
    error = diarization_error([Turn(0, 10, "A"), Turn(6, 10, "B")], [Turn(0, 10, "x")])
    assert parts(error) == (4, 0, 0, 14)


def test_matching_is_optimal_not_greedy():
    # Shared seconds: A with x 5, A with y 4, B with x 4, B with y 0. The greedy choice A-x leaves B-y with 0: 5 s
    # right. The best is A-y and B-x: 8 s right, 5 s confused.
    reference = [Turn(0, 9, "A"), Turn(20, 24, "B")]
    hypothesis = [Turn(0, 5, "x"), Turn(5, 9, "y"), Turn(20, 24, "x")]
    error = diarization_error(reference, hypothesis)
    assert error.mapping == {"x": "B", "y": "A"}
    assert parts(error) == (0, 0, 5, 13)


def test_collar_is_on_each_side():
    # Boundaries 0 and 10: 0.5 s each side leaves 0.5-9.5. The system's 1 s at 10-11 overhangs the collar by 0.5 s,
    # its start at 0.4 lies inside the collar.
    error = diarization_error([Turn(0, 10, "A")], [Turn(0.4, 11, "x")], collar=0.5)
    assert parts(error) == (0, 0.5, 0, 9)


def test_collars_that_touch_leave_nothing_even_where_floats_differ():
    # 0.04 + 0.25 and 0.54 - 0.25 are both 0.29 on paper, and differ as floats.
    assert 0.04 + 0.25 != 0.54 - 0.25
    error = diarization_error([Turn(0.04, 0.54, "A")], [Turn(0.1, 0.3, "x")], collar=0.25)
    assert parts(error) == (0, 0, 0, 0)
    assert math.isnan(error.rate)
    assert "no speech" in error.reason


def test_skip_overlap_leaves_out_overlapped_reference_speech_only():
    # A 0-10, B 6-8. Without 6-8 there are 8 s of A. The system's overlap 0-2 (y beside x) still counts: 2 s.
    reference = [Turn(0, 10, "A"), Turn(6, 8, "B")]
    error = diarization_error(reference, [Turn(0, 10, "x"), Turn(0, 2, "y")], skip_overlap=True)
    assert parts(error) == (0, 2, 0, 8)


def test_mapping_before_or_after_the_collar():
    # A speaks 0-1 and 2-3, ten short turns of B lie between 4 and 9 (0.5 s each). The system calls A and 3 s of B x,
    # the rest y. With the collar every turn of B vanishes.
    short = [Turn(4 + k / 2, 4.4 + k / 2, "B") for k in range(10)]
    reference = [Turn(0, 1, "A"), Turn(2, 3, "A"), *short]
    hypothesis = [Turn(0, 3, "x"), *[Turn(t.start, t.end, "x") for t in short]]
    # Before: x shares 2 s with A and 4 s with B, so x is B; what the collar leaves of A (2 x 0.5 s) is confused.
    before = diarization_error(reference, hypothesis, collar=0.25)
    assert before.mapping == {"x": "B"}
    assert parts(before) == (0, 0.5, 1, 1)
    # After: only A is left, so x is A.
    after = diarization_error(reference, hypothesis, collar=0.25, mapping="after_collar")
    assert after.mapping == {"x": "A"}
    assert parts(after) == (0, 0.5, 0, 1)


@pytest.mark.parametrize("short_first", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("names", ["AB", "BA"])
def test_tie_before_the_collar_goes_to_the_mapping_with_fewer_errors(names, reverse, short_first):
    # x shares 1 s with one speaker (one turn) and 1 s with the other (two turns of 0.5 s, which the collar removes): a
    # tie that only the rest decides, whatever the speakers are called, whoever comes first, in time or in the list.
    long, short = names
    reference = [Turn(0, 1, long), Turn(2, 2.5, short), Turn(3, 3.5, short)]
    if short_first:
        reference = [Turn(3.5 - turn.end, 3.5 - turn.start, turn.speaker) for turn in reference]
    if reverse:
        reference = reference[::-1]
    error = diarization_error(reference, [Turn(0, 4, "x")], collar=0.25)
    assert error.mapping == {"x": long}
    assert parts(error)[2:] == (0, 0.5)


def test_region_without_uem():
    # A false alarm after the last reference turn costs nothing where only the reference's extent is scored.
    reference, hypothesis = [Turn(1, 5, "A")], [Turn(0, 8, "x")]
    assert parts(diarization_error(reference, hypothesis)) == (0, 4, 0, 4)
    assert parts(diarization_error(reference, hypothesis, region="reference")) == (0, 0, 0, 4)


def test_uem_cuts_both_sides():
    # Scored 2-4 and 9-10: 2 s of A, found; 1 s of false alarm. Overlapping regions count once.
    uem = np.array([[2, 3.5], [9, 10], [3, 4]])
    error = diarization_error([Turn(0, 5, "A")], [Turn(1, 12, "x")], uem=uem)
    assert parts(error) == (0, 1, 0, 2)


def test_turns_of_one_speaker_that_overlap_or_touch_count_once():
    split = [Turn(0, 4, "A"), Turn(3, 6, "A"), Turn(6, 10, "A"), Turn(1, 2, "A")]
    assert parts(diarization_error(split, [])) == (10, 0, 0, 10)
    # And no collar opens where they meet.
    assert diarization_error(split, [Turn(0, 10, "x")], collar=0.25).total == 9.5


def test_turns_without_length_change_nothing_not_even_with_a_collar():
    reference, hypothesis = [Turn(0, 10, "A")], [Turn(0, 9, "x")]
    more = [*reference, Turn(5, 5, "A"), Turn(5, 5, "B"), Turn(20, 20, "C")]
    for collar in (0, 0.25):
        plain = diarization_error(reference, hypothesis, collar=collar)
        assert diarization_error(more, [*hypothesis, Turn(3, 3, "y")], collar=collar) == plain
        assert diarization_error(more, hypothesis, collar=collar, region="reference") == plain


def test_nothing_to_score_is_nan_with_a_reason():
    empty = diarization_error([], [Turn(0, 3, "x")])
    assert math.isnan(empty.rate)
    assert empty.false_alarm == 3
    assert empty.reason
    assert diarization_error([Turn(0, 1, "A")], []).rate == 1
    assert math.isnan(diarization_error([], []).rate)


def test_pooled_is_not_the_mean():
    # 9 s wrong of 90 s is 10 %, 5 s wrong of 10 s is 50 %: pooled 14/100, mean 30 %.
    errors = diarization_errors(
        {"long": [Turn(0, 90, "A")], "short": [Turn(0, 10, "A")]},
        {"long": [Turn(9, 90, "x")], "short": [Turn(0, 5, "x")]},
    )
    assert pool(errors.values()).rate == 0.14
    assert mean_rate(errors.values()) == 0.3
    assert math.isnan(pool([]).rate)
    assert math.isnan(mean_rate([]))


def test_missing_and_extra_recordings_are_errors_unless_allowed():
    one, two = [Turn(0, 1, "A")], [Turn(0, 2, "B")]
    with pytest.raises(OptionError, match="hypothesis lacks 'b'"):
        diarization_errors({"a": one, "b": two}, {"a": one})
    with pytest.raises(OptionError, match="reference lacks 'b'"):
        diarization_errors({"a": one}, {"a": one, "b": two})
    with pytest.raises(OptionError, match="UEM lacks 'b'"):
        diarization_errors({"a": one, "b": two}, {"a": one, "b": two}, uem={"a": np.array([[0, 1]])})
    allowed = diarization_errors({"a": one, "b": two}, {"a": one, "c": two}, allow_missing=True, allow_extra=True)
    assert [error.rate for error in allowed.values()] == [0, 1]
    # A recording that the UEM scores and the reference does not mention has no speech: all is false alarm.
    silent = diarization_errors({"a": one}, {"a": one, "b": two}, uem={"a": [[0, 1]], "b": [[0, 5]]})
    assert silent["b"].false_alarm == 2


@pytest.mark.parametrize(
    "options",
    [{"collar": -1}, {"collar": math.nan}, {"mapping": "later"}, {"region": "none"}],
)
def test_wrong_options_are_told(options):
    with pytest.raises(OptionError, match="must be"):
        diarization_error([Turn(0, 1, "A")], [], **options)
    with pytest.raises(OptionError, match="no preset"):
        preset("lenient")
    with pytest.raises(OptionError, match="too large"):
        diarization_error([Turn(0, 1e10, "A")], [])


def test_presets_say_what_they_say():
    assert PRESETS["full"] == Protocol(0, False, "before_collar", "all")
    assert PRESETS["fair"] == Protocol(0.25, False)
    assert PRESETS["forgiving"] == Protocol(0.25, True)
    assert PRESETS["nist"] == Protocol(0.25, False, "before_collar", "reference", skip_marked=True)
    assert PRESETS["pyannote"] == Protocol(0, False, "after_collar")


# What must not change a score.


@settings(max_examples=50)
@given(references, hypotheses, protocols)
def test_perfect_and_bounded(reference, hypothesis, protocol):
    assert diarization_error(reference, reference, **protocol).error == 0
    error = diarization_error(reference, hypothesis, **protocol)
    assert min(parts(error)) >= 0
    assert error.missed + error.confusion <= error.total + 1e-9


@settings(max_examples=50)
@given(references, hypotheses, protocols, st.integers(-100, 100000))
def test_time_shift(reference, hypothesis, protocol, tenths):
    moved = [shift(side, tenths / 10) for side in (reference, hypothesis)]
    assert parts(diarization_error(*moved, **protocol)) == parts(diarization_error(reference, hypothesis, **protocol))


@settings(max_examples=50)
@given(references, hypotheses, protocols, st.permutations("ABC"), st.permutations("wxyz"), st.randoms())
def test_names_and_order(reference, hypothesis, protocol, ours, theirs, random):
    renamed = relabel(reference, dict(zip("ABC", ours, strict=True)))
    named = relabel(hypothesis, dict(zip("wxyz", theirs, strict=True)))
    random.shuffle(renamed)
    random.shuffle(named)
    assert parts(diarization_error(renamed, named, **protocol)) == parts(
        diarization_error(reference, hypothesis, **protocol)
    )


@settings(max_examples=50)
@given(references, hypotheses, protocols, st.floats(0.01, 0.99), st.booleans())
def test_splitting_turns(reference, hypothesis, protocol, share, overlapping):
    def split(turns):
        for turn in turns:
            middle = round(turn.start + share * turn.duration, 2)
            yield Turn(turn.start, turn.end if overlapping else middle, turn.speaker)
            yield Turn(middle, turn.end, turn.speaker)

    assert parts(diarization_error(list(split(reference)), list(split(hypothesis)), **protocol)) == parts(
        diarization_error(reference, hypothesis, **protocol)
    )


@settings(max_examples=40)
@given(st.lists(st.tuples(references, hypotheses), min_size=1, max_size=5), protocols, st.randoms())
def test_a_corpus_is_its_files_in_any_order(pairs, protocol, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    errors = diarization_errors({k: pairs[k][0] for k in order}, {k: pairs[k][1] for k in order}, **protocol)
    for k, (reference, hypothesis) in enumerate(pairs):
        alone = diarization_error(reference, hypothesis, **protocol)
        assert parts(errors[k]) == parts(alone)
        assert errors[k].mapping == alone.mapping
    in_order = pool(errors[k] for k in range(len(pairs)))
    assert parts(pool(errors.values())) == parts(in_order)


@settings(max_examples=50)
@given(references, hypotheses, st.booleans())
def test_concatenating_a_recording_with_itself_doubles_the_parts(reference, hypothesis, skip_overlap):
    twice = [side + shift(side, 100) for side in (reference, hypothesis)]
    double = diarization_error(*twice, skip_overlap=skip_overlap)
    np.testing.assert_allclose(
        parts(double),
        2 * np.array(parts(diarization_error(reference, hypothesis, skip_overlap=skip_overlap))),
        atol=1e-9,
    )


@settings(max_examples=50)
@given(references, hypotheses)
def test_swapping_the_sides_swaps_missed_and_false_alarm(reference, hypothesis):
    error = diarization_error(reference, hypothesis)
    other = diarization_error(hypothesis, reference)
    assert (error.missed, error.false_alarm, error.confusion) == (other.false_alarm, other.missed, other.confusion)


@given(st.integers(0, 2**32 - 1))
def test_matching_is_the_best_and_ties_are_broken_by_the_second_criterion(seed):
    rng = seeded(seed)
    shape = rng.integers(1, 5, 2)
    first, second = rng.integers(0, 4, shape).astype(float), rng.integers(0, 9, shape).astype(float)
    rows, columns = best_matching(first, second)
    small, large = sorted(shape.tolist())
    options = [
        tuple(
            (matrix if shape[0] == small else matrix.T)[range(small), list(chosen)].sum() for matrix in (first, second)
        )
        for chosen in itertools.permutations(range(large), small)
    ]
    assert (first[rows, columns].sum(), second[rows, columns].sum()) == max(options)


# What other scorers answer, on merged turns at continuous random times: there none of the known disagreements occurs.


def tuples(turns):
    return [(turn.speaker, turn.start, turn.end) for turn in turns]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25]), st.booleans(), st.booleans(), st.integers(1, 30))
def test_spyder_agrees(seed, collar, skip_overlap, with_uem, count):
    rng = seeded(seed)
    reference, hypothesis = conversation(rng, 4, count), conversation(rng, 5, count, prefix="h")
    uem = np.sort(rng.uniform(0, 60, 6)).reshape(3, 2) if with_uem else None
    ours = diarization_error(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, uem=uem)
    theirs = spyder.DER(
        tuples(reference),
        tuples(hypothesis),
        uem=None if uem is None else [tuple(row) for row in uem],
        collar=collar,
        regions="nonoverlap" if skip_overlap else "all",
    )
    if ours.total > 0.01:
        rates = np.array([theirs.miss, theirs.falarm, theirs.conf])
        np.testing.assert_allclose(rates * theirs.duration, parts(ours)[:3], atol=1e-5)
        assert theirs.duration == pytest.approx(ours.total, abs=1e-5)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25]), st.booleans(), st.booleans(), st.integers(1, 20))
def test_pyannote_agrees_with_twice_the_collar_and_mapping_after_it(seed, collar, skip_overlap, with_uem, count):
    rng = seeded(seed)
    reference, hypothesis = conversation(rng, 3, count), conversation(rng, 4, count, prefix="h")
    # pyannote.metrics cannot crop to regions that leave nothing of an annotation, so the UEM is one long region.
    uem = np.array([sorted(rng.uniform(0, 60, 2))]) if with_uem else np.array([[0.0, 100.0]])
    ours = diarization_error(
        reference, hypothesis, collar=collar, skip_overlap=skip_overlap, mapping="after_collar", uem=uem
    )
    metric = DiarizationErrorRate(collar=2 * collar, skip_overlap=skip_overlap)
    theirs = metric(
        to_annotation(reference), to_annotation(hypothesis), uem=Timeline([Segment(*uem[0])]), detailed=True
    )
    names = ("missed detection", "false alarm", "confusion", "total")
    # pyannote.core drops stretches shorter than a microsecond.
    np.testing.assert_allclose([theirs[name] for name in names], parts(ours), atol=1e-4)


def test_a_wrong_name_is_an_error_whoever_it_fits_best():
    # A speaks 0-10: 4 s are called A, 5 s B, 1 s is missed. A mapping would call 5 s right.
    reference, hypothesis = [Turn(0, 10, "A")], [Turn(0, 4, "A"), Turn(4, 9, "B")]
    assert parts(identification_error(reference, hypothesis)) == (1, 0, 5, 10)
    assert identification_error(reference, hypothesis).mapping == {"A": "A"}
    assert parts(diarization_error(reference, hypothesis))[2] == 4
    assert parts(identification_error(reference, relabel(hypothesis, {"A": "SPEAKER_00"}))) == (1, 0, 9, 10)
    assert math.isnan(identification_error([], hypothesis).rate)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25]), st.booleans(), st.booleans(), st.integers(1, 20))
def test_pyannote_agrees_on_the_identification_error(seed, collar, skip_overlap, with_uem, count):
    rng = seeded(seed)
    reference, hypothesis = conversation(rng, 3, count), conversation(rng, 4, count)
    uem = np.array([sorted(rng.uniform(0, 60, 2))]) if with_uem else np.array([[0.0, 100.0]])
    ours = identification_error(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, uem=uem)
    metric = IdentificationErrorRate(collar=2 * collar, skip_overlap=skip_overlap)
    theirs = metric(
        to_annotation(reference), to_annotation(hypothesis), uem=Timeline([Segment(*uem[0])]), detailed=True
    )
    names = ("missed detection", "false alarm", "confusion", "total")
    np.testing.assert_allclose([theirs[name] for name in names], parts(ours), atol=1e-4)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.25]), st.booleans(), st.integers(1, 20))
def test_simpleder_agrees_with_mapping_after_the_collar(seed, collar, skip_overlap, count):
    rng = seeded(seed)
    reference, hypothesis = conversation(rng, 3, count), conversation(rng, 4, count, prefix="h")
    ours = diarization_error(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, mapping="after_collar")
    theirs = simpleder.DER(
        tuples(reference), tuples(hypothesis), collar=collar, skip_overlap=skip_overlap, detailed=True
    )
    keys = ("miss", "false_alarm", "confusion", "ref_length")
    np.testing.assert_allclose([theirs[key] for key in keys], parts(ours), atol=1e-6)


def test_bulk_corpus_equals_spyder():
    rng = seeded(7)
    names = [f"file{k}" for k in range(200)]
    reference = {name: conversation(rng, 5, 30) for name in names}
    hypothesis = {name: conversation(rng, 6, 30, prefix="h") for name in names}
    for collar, skip_overlap in itertools.product([0, 0.25], [False, True]):
        ours = pool(diarization_errors(reference, hypothesis, collar=collar, skip_overlap=skip_overlap).values())
        theirs = spyder.DER(
            {name: tuples(turns) for name, turns in reference.items()},
            {name: tuples(turns) for name, turns in hypothesis.items()},
            collar=collar,
            regions="nonoverlap" if skip_overlap else "all",
        )["Overall"]
        assert 100 * theirs.der == pytest.approx(100 * ours.rate, abs=0.001)


def test_many_speakers_take_no_quadratic_memory():
    # One label a turn: a dense table of cells by speakers would hold 8000 x 2000 entries.
    turns = [Turn(float(k), k + 0.9, f"s{k}") for k in range(2000)]
    error = diarization_error([Turn(0, 2000, "A"), Turn(0, 1000, "B")], turns)
    assert error.total == 3000
    assert error.missed == pytest.approx(1000 + 2000 * 0.1)
    assert error.confusion == pytest.approx(2000 * 0.9 - 2 * 0.9)


def test_importing_metrics_imports_only_numpy_and_scipy():
    heavy = ("torch", "librosa", "pandas", "matplotlib", "pyannote", "sklearn")
    code = f"import sys, diarbook.metrics; sys.exit(' '.join(name for name in {heavy} if name in sys.modules) or 0)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
