"""Pages of the book, from its table of contents, and the browser that opens them."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def toc_files() -> list[str]:
    """Pages of ``_toc.yml`` without their suffixes, in order."""

    def below(node: object) -> list[str]:
        if isinstance(node, list):
            return [page for item in node for page in below(item)]
        if not isinstance(node, dict):
            return []
        own = [node[key] for key in ("root", "file") if key in node]
        inner = ("parts", "subtrees", "chapters", "sections", "entries")
        return own + [page for key in inner for page in below(node.get(key))]

    return below(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))


def notebooks() -> list[Path]:
    """Notebooks of the table of contents."""
    return [ROOT / f"{page}.ipynb" for page in toc_files() if page.startswith("notebooks/")]


def transferred(requests: Iterable[str]) -> int:
    """Bytes that a web server would send for the ``file:`` addresses that a page asked for: text is compressed."""
    files = {Path(unquote(urlsplit(url).path)) for url in requests if url.startswith("file:")}
    texts = (".html", ".js", ".css", ".svg", ".json")
    return sum(
        len(gzip.compress(file.read_bytes(), 6)) if file.suffix in texts else file.stat().st_size
        for file in files
        if file.is_file()
    )
