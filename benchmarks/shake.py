"""What the pages claim and the numeric tests check, on one processor made to calculate as others do: ``make shake``.

Runs every notebook and every test marked ``numeric`` under each of ``SETTINGS``, prints which claims moved and which
margins are the smallest, and writes ``data/evidence/shake.json``. What was run is kept in ``_build/shake``, so that an
interrupted shake goes on where it was: ``--again`` forgets it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "_build" / "shake"
SEED = "1000"
COLORS = re.compile(r"\x1b\[[0-9;]*m")


def dispatched() -> str:
    """NumPy's optional instruction sets of this processor, all of which may be switched off."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))


def threads(count: int) -> dict[str, str]:
    """As many threads in every library that asks the environment; PyTorch asks the first of them."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(count))


SETTINGS = {
    "as it is, 2 threads": threads(2),
    "AVX2, 1 thread": threads(1)
    | {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    "no AVX in PyTorch, SSE4.1, 2 threads": threads(2)
    | {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Haswell"},
    "no optional instructions, 1 thread": threads(1)
    | {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": dispatched(),
    },
    "other seeds, 1 thread": threads(1) | {"DIARBOOK_SEED": SEED},
}


def execute(page: str) -> None:
    """Run one notebook; an error ends the process."""
    import nbformat
    from nbclient import NotebookClient

    file = ROOT / "notebooks" / f"{page}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    NotebookClient(
        notebook,
        timeout=3600,
        startup_timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": file.parent}},
    ).execute()


def processor_time() -> float:
    """Of all processes that were started and have ended, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def folder_of(setting: str) -> Path:
    return KEPT / "".join(letter if letter.isalnum() else "-" for letter in setting)


def run(command: list[str], setting: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | SETTINGS[setting] | {"DIARBOOK_STRICT": "0", **variables}
    environment.pop("CI", None)
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def shake_page(setting: str, page: str) -> list[dict]:
    """The claims of one page under one setting; a page that stops is a claim that fails."""
    kept = folder_of(setting) / f"{page}.json"
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    record = kept.with_suffix(".part")
    record.unlink(missing_ok=True)
    start, busy = time.monotonic(), processor_time()
    done = run([__file__, "--execute", page], setting, DIARBOOK_CLAIMS=str(record))
    seconds, busy = time.monotonic() - start, processor_time() - busy
    claims = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.exists() else []
    if done.returncode:
        last = COLORS.sub("", (done.stderr.strip() or "no message").splitlines()[-1])
        claims.append({"page": page, "sentence": f"the page runs ({last})", "holds": False, "true": False})
    kept.write_text(json.dumps(claims, ensure_ascii=False), encoding="utf-8")
    record.unlink(missing_ok=True)
    failed = [claim["sentence"] for claim in claims if not claim["holds"]]
    print(
        f"{setting}: {page}: {len(claims)} claims, {seconds:.0f} s, {busy:.0f} s of processor time; "
        f"failed: {failed or 'none'}",
        flush=True,
    )
    return claims


def shake_tests(setting: str) -> list[dict]:
    """The numeric tests under one setting, each a claim of the page ``tests``."""
    kept = folder_of(setting) / "tests.json"
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    done = run(["-m", "pytest", "-n", "0", "-m", "numeric", "-q", "-rA", "--no-header", "tests"], setting)
    claims = [
        {"page": "tests", "sentence": line.partition(" ")[2].partition(" - ")[0], "holds": line.startswith("PASSED")}
        for line in done.stdout.splitlines()
        if line.startswith(("PASSED ", "FAILED ", "ERROR "))
    ]
    if not claims:
        sys.exit(f"shake: the tests did not run: {done.stdout[-500:]} {done.stderr[-500:]}")
    kept.write_text(json.dumps(claims, ensure_ascii=False), encoding="utf-8")
    failed = [claim["sentence"] for claim in claims if not claim["holds"]]
    print(f"{setting}: {len(claims)} tests; failed: {failed or 'none'}", flush=True)
    return claims


def spare(claim: dict) -> float:
    from diarbook.reader.claims import Claim

    return Claim(**({"true": claim["holds"]} | claim)).spare


def gathered(results: dict[str, list[dict]]) -> dict[tuple[str, str, int], dict[str, dict]]:
    """Claims by page, sentence and occurrence: what each setting said of them."""
    table: dict[tuple[str, str, int], dict[str, dict]] = defaultdict(dict)
    for setting, claims in results.items():
        seen: dict[tuple[str, str], int] = defaultdict(int)
        for claim in claims:
            key = claim["page"], claim["sentence"]
            table[(*key, seen[key])][setting] = claim
            seen[key] += 1
    return table


def page_row(page: str, table: dict[tuple[str, str, int], dict[str, dict]]) -> dict[str, object]:
    """How one page's claims fared over all settings."""
    own = {key: claims for key, claims in table.items() if key[0] == page}
    least = {key: min(map(spare, claims.values())) for key, claims in own.items()}
    measured = {key: value for key, value in least.items() if not math.isnan(value)}
    tightest = min(measured, key=measured.get, default=None)
    return {
        "page": page,
        "claims": len(own),
        "failed": sum(not all(claim["holds"] for claim in claims.values()) for claims in own.values()),
        "moved": sum(len({claim["holds"] for claim in claims.values()}) > 1 for claims in own.values()),
        "spare": None if tightest is None else round(measured[tightest], 2),
        "tightest": None if tightest is None else tightest[1],
    }


def write(results: dict[str, list[dict]], rows: list[dict[str, object]]) -> None:
    """Write the evidence with its card."""
    from diarbook.knowledge.measuring import write_evidence

    card = {
        "data": "every notebook of the book and every test marked numeric",
        "files": "; ".join(results),
        "pooling": "the setting in which a claim holds least",
        "command": "make shake",
    }
    columns = {
        "page": "Page",
        "claims": "Claims and checks",
        "failed": "Fail somewhere",
        "moved": "Of these hold elsewhere",
        "spare": "Smallest margin left, in margins",
        "tightest": "Where",
    }
    title = f"Claims of the pages and numeric tests under {len(results)} numeric settings"
    packages = ("numpy", "scipy", "torch", "onnxruntime")
    write_evidence("shake", title, card, columns, rows, packages=packages)


def main() -> None:
    """Run what was not run yet, print what moved, and write the evidence when everything was run."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--execute", metavar="PAGE", help=argparse.SUPPRESS)
    options.add_argument("--again", action="store_true", help="forget what an earlier shake has run")
    options.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS, metavar="SETTING")
    options.add_argument("--pages", nargs="+", metavar="PAGE", help="notebooks, or `tests`; default: all")
    asked = options.parse_args()
    if asked.execute:
        execute(asked.execute)
        return
    if asked.again:
        shutil.rmtree(KEPT, ignore_errors=True)
    everything = [*sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")), "tests"]
    pages = asked.pages or everything
    results = {
        setting: [
            claim
            for page in pages
            for claim in (shake_tests(setting) if page == "tests" else shake_page(setting, page))
        ]
        for setting in asked.settings
    }
    table = gathered(results)
    rows = [page_row(page, table) for page in pages]
    print()
    for (page, sentence, _), claims in sorted(table.items()):
        if failing := [setting for setting, claim in claims.items() if not claim["holds"]]:
            print(f"FAILS {page}: {sentence}: under {', '.join(failing)}")
    print("\nThe smallest margins (0 just holds, 1 holds by twice the margin):")
    least = {key: min(map(spare, claims.values())) for key, claims in table.items()}
    for key in sorted((key for key in least if not math.isnan(least[key])), key=least.get)[:15]:
        values = [claim["value"] for claim in table[key].values() if claim.get("value") is not None]
        print(f"{least[key]:8.2f}  {key[0]}: {key[1]} ({min(values):.4g} to {max(values):.4g})")
    if set(pages) == set(everything) and set(asked.settings) == set(SETTINGS):
        write(results, rows)
    sys.exit(any(row["failed"] for row in rows))


if __name__ == "__main__":
    main()
