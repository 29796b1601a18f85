"""Pages of the book, from its table of contents."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


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
