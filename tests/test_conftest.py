"""Property tests draw the same examples whatever else was imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DRAWN = """
import json, sys, tests.conftest
if len(sys.argv) > 1:
    import importlib.util
    spec = importlib.util.spec_from_file_location("extra", sys.argv[1])
    sys.modules["extra"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["extra"])
from hypothesis import given, strategies as st
drawn = []

@given(st.integers(), st.floats(allow_nan=False), st.text())
def collect(number, ratio, text):
    drawn.append((number, ratio, text))

collect()
print(json.dumps(drawn))
"""


def drawn(folder, *extra):
    """Examples of a new process; it starts in a folder of its own, as Hypothesis reads what is below it."""
    script = folder / "draw.py"
    script.write_text(DRAWN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, extra)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    return json.loads(done.stdout)


def test_an_extra_module_does_not_change_what_is_drawn(tmp_path):
    module = tmp_path / "extra.py"
    module.write_text(
        "\n".join(f"A{n} = ({n * 7919}, {n}.0123, 'constant {n}')" for n in range(100, 140)), encoding="utf-8"
    )
    without = drawn(tmp_path)
    assert len(without) == 100
    assert drawn(tmp_path, module) == without
