"""The faults of `make mutants` are lines of the code as it is now, and their tests exist."""

import pytest
from benchmarks.mutants import MUTANTS, ROOT, TESTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}: {mutant.before.strip()[:40]}")
def test_a_fault_changes_one_line_of_the_code(mutant):
    text = (ROOT / "src" / "diarbook" / mutant.module).read_text(encoding="utf-8")
    assert text.count(mutant.before) == 1, "this line is gone or stands twice; name the new one"
    assert mutant.before != mutant.after


def test_every_module_has_tests_to_run():
    assert {mutant.module for mutant in MUTANTS} <= set(TESTS)
    missing = [name for names in TESTS.values() for name in names if not (ROOT / name).exists()]
    assert not missing
