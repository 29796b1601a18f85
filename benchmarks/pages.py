"""How heavy the book's pages are, how soon their first view is there, and how long their code ran when they were built.

Run: make book && python benchmarks/pages.py

Writes ``data/evidence/pages.json``. Needs Chromium and the built book.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

from jupyter_cache import get_cache

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import ARGUMENTS  # noqa: E402
from tests.pages import CHROMIUM, HTML, toc_files, transferred  # noqa: E402

from diarbook.knowledge.measuring import write_evidence  # noqa: E402

PAINT = "() => performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0]"
REPEATS = 3


def measured(browser, name: str) -> dict[str, object]:
    """One page: kilobytes as a web server sends them, and the median time of its first view from the disk."""
    times, requests = [], []
    for _ in range(REPEATS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto((HTML / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        page.wait_for_timeout(500)
        times.append(page.evaluate(PAINT))
        requests = asked
        context.close()
    weight = round(transferred(requests) / 1000)
    return {"page": name, "kilobytes": weight, "first_view": statistics.median(times) / 1000}


def executed() -> dict[str, float]:
    """Seconds that each notebook's code ran in the build, by page; the last run counts."""
    seconds: dict[str, float] = {}
    for folder in sorted((ROOT / "_build" / ".jupyter_cache").glob("*"), key=lambda path: path.stat().st_mtime):
        for record in get_cache(folder).list_cache_records():
            seconds[f"notebooks/{Path(record.uri).stem}"] = record.data.get("execution_seconds")
    return seconds


def main() -> None:
    """Measure every page of the table of contents and write the evidence."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None or not (HTML / "index.html").is_file():
        sys.exit("pages: needs Chromium and a built book; run `make book` first")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        rows = [measured(browser, name) for name in toc_files()]
        chromium = browser.version
        browser.close()
    ran = executed()
    for row in rows:
        row["first_view"] = round(row["first_view"], 2)
        row["code"] = round(ran[row["page"]]) if ran.get(row["page"]) else None
        print(f"{row['page']:32} {row['kilobytes']:6} kB  {row['first_view']:.2f} s")
    card = {
        "data": "every page of the table of contents",
        "files": len(rows),
        "region": "what is asked for within 0.5 s of loading; text compressed with gzip",
        "pooling": f"median of {REPEATS} loads from the disk, Chromium {chromium}; one run of the code by the clock",
        "command": "make book && .venv/bin/python benchmarks/pages.py",
    }
    columns = {
        "page": "Page",
        "kilobytes": "Transferred, kB",
        "first_view": "First view, s",
        "code": "Its code ran for, s",
    }
    title = "Weight, first view and code of the pages"
    write_evidence("pages", title, card, columns, rows, packages=["jupyter-book"])


if __name__ == "__main__":
    main()
