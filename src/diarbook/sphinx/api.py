"""The API page: every public module by autodoc, with citations and links to chapters."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes

import diarbook
from diarbook.knowledge.ontology import canonical_name
from diarbook.sphinx.base import WswDirective, make_section

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

UNDOCUMENTED = ("diarbook.sphinx", "diarbook.commands", "diarbook.__main__")
"""Modules that a reader does not call."""


class ApiReference(WswDirective):
    """Every public module of the package, a section each, by autodoc."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        self.mark_page("wsw_depends", "api")
        sections: list[nodes.Node] = []
        for name in public_modules():
            section = make_section(self.state.document, name, f"module-reference-{name}")
            section += self.markdown(
                "\n".join(
                    [
                        "```{eval-rst}",
                        f".. automodule:: {name}",
                        "   :members:",
                        "   :ignore-module-all:",
                        "   :member-order: bysource",
                        "```",
                    ]
                )
            )
            sections.append(section)
        return sections


def public_modules() -> list[str]:
    """Modules of the package that a reader calls, by their files: nothing is imported."""
    root = Path(diarbook.__file__).parent
    names = set()
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        name = ".".join(parts)
        if len(parts) > 1 and not parts[-1].startswith("_") and not name.startswith(UNDOCUMENTED):
            names.add(name)
    return sorted(names)


def complete_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Turn bibliography keys under ``References`` into citations and the ``Chapter:`` line into a link."""
    text = inspect.cleandoc("\n".join(lines)).split("\n")
    result: list[str] = []
    keys: list[str] | None = None
    for line, below in itertools.zip_longest(text, text[1:], fillvalue=""):
        underlined = set(below) == {"-"} and bool(line.strip())
        chapter = line.startswith("Chapter:")
        if keys is not None and (underlined or chapter):  # the section ends where another begins
            result += closing(keys)
            keys = None
        if underlined and line.strip() == "References":
            keys = []
        elif chapter:
            result += ["", chapter_line(app, line.partition(":")[2].strip()), ""]
        elif keys is None:
            result.append(line)
        elif set(line) != {"-"}:
            keys += line.replace(",", " ").split()
    lines[:] = [*result, *closing(keys), ""]


def closing(keys: list[str] | None) -> list[str]:
    """A paragraph that cites the keys."""
    return ["", f"Sources: :cite:p:`{','.join(keys)}`.", ""] if keys else []


def chapter_line(app: Sphinx, name: str) -> str:
    """A paragraph that links to the chapter; its name alone where this book has no such page."""
    for folder in ("notebooks", "book", "book/landscape"):
        if f"{folder}/{name}" in app.env.found_docs:
            return f"Chapter: :doc:`{name} </{folder}/{name}>`."
    return f"Chapter: {name}."


def find_reexported(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Node):
    """Resolve ``diarbook.metrics.diarization_error`` to where it is defined and documented."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("diarbook."):
        return None
    defined = canonical_name(target)
    if defined is None or defined == target:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], defined, node, content)


def configure(app: Sphinx, config: Config) -> None:
    """How autodoc and napoleon write the page."""
    config.napoleon_google_docstring = False
    config.napoleon_numpy_docstring = True
    config.napoleon_use_param = False
    config.napoleon_use_rtype = False
    config.napoleon_use_ivar = True
    config.autodoc_typehints = "signature"
    config.autodoc_typehints_format = "short"
    config.python_use_unqualified_type_names = True
    config.python_maximum_signature_line_length = 100
    config.add_module_names = False
    # Types of other packages have no pages here, and the book links to no other host's inventory; a type variable, one
    # capital letter, has none either.
    unlinked = [(r"py:.*", r"(?!diarbook\.).*"), (r"py:class", r"diarbook\.(\w+\.)*[A-Z]")]
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, *unlinked]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and what completes docstrings."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_directive("api-reference", ApiReference)
    app.connect("config-inited", configure)
    app.connect("missing-reference", find_reexported)
    app.connect("autodoc-process-docstring", complete_docstring, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
