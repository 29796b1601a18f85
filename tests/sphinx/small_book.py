"""Small books, built by Sphinx in a process of their own."""

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

from tests.pages import ROOT

from diarbook.knowledge.ontology import load_ontology

LIMIT = 900
"""Seconds of one build; a machine that is quiet needs ten."""

BIBLIOGRAPHY = "# B\n\n```{bibliography}\n:all:\n```\n"
GLOSSARY = "# G\n\n```{glossary-from-ontology}\n```\n"
API = "# A\n\n```{api-reference}\n```\n"
CITED = "# B\n\n```{bibliography}\n```\n"
"""Only what the pages of the small book cite, which is quicker."""


def bare_glossary() -> str:
    """A page with every term of the ontology and no definitions: quick, and it needs neither API nor bibliography."""
    terms = "\n\n".join(f"{concept.label}\n  A term." for concept in load_ontology().values())
    return f"# G\n\n```{{glossary}}\n{terms}\n```\n"


def run_sphinx(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the book of a folder with warnings as errors."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ".", "out"]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
        check=False,
        timeout=LIMIT,
    )


def build(folder: Path, **pages: str) -> tuple[str, dict[str, str]]:
    """Build pages with the book's own data; returns what was said and the pages' HTML by name."""
    (folder / "notebooks").mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "data" / "references.bib", folder)
    configuration = [
        "extensions = ['myst_parser', 'sphinxcontrib.bibtex', 'diarbook.sphinx.extension']",
        "bibtex_bibfiles = ['references.bib']",
        "myst_enable_extensions = ['dollarmath']",
        "exclude_patterns = ['out']",
        "nitpicky = True",
        "project = 'x'",
    ]
    (folder / "conf.py").write_text("\n".join(configuration))
    done = run_sphinx(folder)
    return done.stderr, {name: (folder / "out" / f"{name}.html").read_text(encoding="utf-8") for name in pages}


def text_of(page: Path) -> str:
    """The words of a page, without its tags."""
    html = page.read_text(encoding="utf-8")
    return " ".join(unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", "", html, flags=re.DOTALL)).split())
