"""Which page uses which concept, collected while pages are read, and what pages show of each other because of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors import EnvironmentCollector

from diarbook.knowledge.chapters import subjects
from diarbook.knowledge.ontology import Concept
from diarbook.knowledge.reading_order import by_name, followers, prerequisites, unlinked
from diarbook.sphinx.base import load_leniently, logger

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class TermUses(EnvironmentCollector):
    """Terms that each page links, and the pages that its card says to read first."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        for store in stores(env):
            store.pop(docname, None)

    def merge_other(self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
        """Take over what another process read."""
        for store, read in zip(stores(env), stores(other), strict=True):
            store.update({name: read[name] for name in docnames if name in read})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Note the terms of a page."""
        targets, first = stores(app.env)
        links = list(doctree.findall(addnodes.pending_xref))
        targets[app.env.docname] = tuple(
            dict.fromkeys(" ".join(link["reftarget"].split()) for link in links if link.get("reftype") == "term")
        )
        row = read_first(doctree)
        first[app.env.docname] = tuple(
            link["reftarget"].lstrip("/")
            for link in (row.findall(addnodes.pending_xref) if row else ())
            if link.get("reftype") == "doc"
        )


def stores(env: BuildEnvironment) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """What the environment keeps between builds: term targets and named prerequisites, by page."""
    if not hasattr(env, "wsw_targets"):
        env.wsw_targets, env.wsw_first = {}, {}
    return env.wsw_targets, env.wsw_first


def read_first(doctree: nodes.document) -> nodes.definition_list_item | None:
    """The row of the chapter card that says what to read first."""
    for card in chapter_cards(doctree):
        for item in card.findall(nodes.definition_list_item):
            if item[0].astext() == "Read first":
                return item
    return None


def chapter_cards(doctree: nodes.document) -> list[nodes.container]:
    """The chapter cards of a page; one, as a rule."""
    return [box for box in doctree.findall(nodes.container) if "wsw-chapter-card" in box["classes"]]


@dataclass
class Links:
    """What the pages show of each other, computed once a build.

    Parameters
    ----------
    anchors : dict of str to (str, str)
        Page and anchor of each concept's glossary entry.
    labels, titles : dict of str to str
        Labels by concept, short titles by page.
    used_in : dict of str to list of str
        Pages that link each concept.
    before, after : dict of str to list of (str, list of str)
        Prerequisites and followers of each chapter's page.
    """

    anchors: dict[str, tuple[str, str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    used_in: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)
    after: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)

    def shown_on(self, page: str) -> list[object]:
        """What this page shows; another value than in the build before means that it must be written again."""
        shown: list[object] = []
        if page in self.before:
            rows = [*self.before[page], *self.after[page]]
            shown = [rows, [self.titles[other] for other, _ in rows], [self.labels[n] for _, ns in rows for n in ns]]
        if any(anchored == page for anchored, _ in self.anchors.values()):
            shown.append([(name, [self.titles[one] for one in pages]) for name, pages in self.used_in.items()])
        return shown


def page_order(env: BuildEnvironment) -> list[str]:
    """Every page in the order of the table of contents; pages outside it follow by name."""
    seen: dict[str, None] = {}
    ahead = [env.config.root_doc]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen[page] = None
            ahead += reversed(env.toctree_includes.get(page, []))
    return [*(page for page in seen if page in env.found_docs), *sorted(env.found_docs - set(seen))]


def chapter_pages(written: Collection[str]) -> dict[str, str]:
    """The page of each chapter that is written; the reference part teaches nothing, so its pages are none."""
    pages = {word: found.page for word, found in subjects().items() if not found.planned}
    return {word: page for word, page in pages.items() if page in written and not page.startswith("book/")}


def term_anchors(env: BuildEnvironment, concepts: Mapping[str, Concept]) -> dict[str, tuple[str, str]]:
    """Page and anchor of each concept's entry in the glossary."""
    entries = env.get_domain("std").objects
    return {
        name: entries["term", concept.label] for name, concept in concepts.items() if ("term", concept.label) in entries
    }


def linked_concepts(env: BuildEnvironment, concepts: Mapping[str, Concept]) -> dict[str, list[str]]:
    """Ids of the concepts that each page links, in their order there; pages that list terms do not use them."""
    names = by_name(concepts)
    lists = {page for page, data in env.metadata.items() if "wsw_depends" in data or "wsw_claims" in data}
    return {
        page: list(dict.fromkeys(names[target.casefold()] for target in targets if target.casefold() in names))
        for page, targets in stores(env)[0].items()
        if page in env.found_docs and page not in lists
    }


def link_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Compute what the pages show of each other; returns those that show something else than before."""
    concepts = load_leniently()  # the glossary warns
    order, pages = page_order(env), chapter_pages(env.found_docs)
    uses = linked_concepts(env, concepts)
    links = Links(
        anchors=term_anchors(env, concepts),
        labels={name: concept.label for name, concept in concepts.items()},
        titles={page: env.titles[page].astext().partition(":")[0] for page in order if page in env.titles},
        used_in={name: [page for page in order if name in uses.get(page, ())] for name in concepts},
        before=prerequisites(concepts, uses, pages, order, stores(env)[1]),
        after=followers(concepts, uses, pages, order),
    )
    env.wsw_links = links
    if links.anchors:
        for chapter, missing in unlinked(concepts, uses, pages).items():
            labels = ", ".join(concepts[name].label for name in missing)
            message = f"concepts of this chapter that its page never links with {{term}}, {len(missing)}: {labels}"
            logger.warning(message, location=pages[chapter], type="wsw", subtype="unlinked")
    digests = {
        page: hashlib.sha256(json.dumps(shown).encode()).hexdigest()
        for page in order
        if (shown := links.shown_on(page))
    }
    before, env.wsw_shown = getattr(env, "wsw_shown", {}), digests
    return [page for page in order if digests.get(page) != before.get(page)]


def links_of(env: BuildEnvironment) -> Links:
    """What ``link_pages`` computed in this build."""
    return getattr(env, "wsw_links", None) or Links()


def setup(app: Sphinx) -> dict[str, object]:
    """Register the collector."""
    app.add_env_collector(TermUses)
    app.connect("env-updated", link_pages)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
