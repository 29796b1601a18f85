"""The claims ledger: every claim of the notes as a card, by topic, with its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from docutils import nodes

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.files import repository_root
from diarbook.knowledge.chapters import subjects, title_of
from diarbook.knowledge.claims import VERDICTS, Claim, claims_file, load_claims, problems
from diarbook.knowledge.ontology import (
    Concept,
    bibliography_keys,
    load_ontology,
    ontology_files,
)
from diarbook.sphinx.base import WswDirective, definition_grid, load_files_on, make_section, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class ClaimsLedger(WswDirective):
    """Counts by verdict, then every claim of ``data/claims.yaml`` by topic."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        root, path = repository_root(), claims_file()
        self.mark_page("wsw_claims")
        self.concepts: dict[str, Concept] = {}
        self.sources = bibliography_keys()
        for file in [path, root and root / "data" / "references.bib", *ontology_files()]:
            if file is not None and file.is_file():
                self.note_file(file)
        try:
            claims = load_claims(path)
        except KnowledgeError as error:
            self.warn(str(error))
            claims = {}
        if not claims:
            return [paragraph("No claims yet.", classes=["wsw-empty"])]
        try:
            self.concepts = load_ontology()
        except KnowledgeError as error:
            self.warn(f"claims-ledger: concepts are not linked: {error}")
        for problem in problems(claims, self.sources, self.concepts or None):
            self.warn(problem)
        result: list[nodes.Node] = [self.legend(claims.values())]
        for topic in dict.fromkeys([*subjects(), *(claim.topic for claim in claims.values())]):
            members = [claim for claim in claims.values() if claim.topic == topic]
            if members:
                result.append(self.section(topic, members))
        return result

    def legend(self, claims: Iterable[Claim]) -> nodes.Node:
        """What each verdict means, with the number of its claims; the script turns it into a filter."""
        counts = Counter(claim.verdict for claim in claims)
        box = nodes.container(classes=["wsw-claims-legend"])
        box += paragraph(f"{counts.total()} claims", classes=["wsw-claims-total"])
        rows = nodes.definition_list(classes=["simple", "wsw-verdicts"])
        for verdict, meaning in VERDICTS.items():
            count = nodes.inline("", str(counts[verdict]), classes=["wsw-count"])
            term = nodes.term("", "", badge(verdict), nodes.Text(" "), count)
            rows += nodes.definition_list_item("", term, nodes.definition("", paragraph(meaning)))
        box += rows
        return box

    def section(self, topic: str, claims: Sequence[Claim]) -> nodes.section:
        """The claims of one topic."""
        section = make_section(self.state.document, title_of(topic), f"claims-{topic}")
        section["classes"].append("wsw-claims-chapter")
        section += paragraph("Page: ", *self.topic_link(topic), ".", classes=["wsw-claims-link"])
        for claim in claims:
            section += self.card(claim)
        return section

    def card(self, claim: Claim) -> nodes.container:
        """One claim: its verdict, what the notes say, what the book says, and where that comes from."""
        card = nodes.container(classes=["wsw-claim", f"wsw-claim-{slug(claim.verdict)}"], names=[f"claim-{claim.id}"])
        self.state.document.note_explicit_target(card, card)
        card += paragraph(
            badge(claim.verdict),
            " ",
            nodes.reference("", claim.id, refid=card["ids"][0], classes=["wsw-claim-id"]),
            " ",
            nodes.inline("", where(claim), classes=["wsw-claim-where"]),
            classes=["wsw-claim-head"],
        )
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = [("Notes", self.inline(claim.claim))]
        if claim.figures:
            facts[0][1].append(nodes.inline("", f" ({'; '.join(claim.figures)})", classes=["wsw-claim-figures"]))
        facts.append(("Book", self.inline(claim.says)))
        card += definition_grid(facts, "simple", "wsw-facts", "wsw-claim-facts")
        small = nodes.container(classes=["wsw-claim-proof"])
        small += paragraph(*self.proof(claim))
        card += small
        return card

    def proof(self, claim: Claim) -> list[nodes.Node | str]:
        """Where a claim was checked and when, its sources and its terms."""
        parts: list[nodes.Node | str] = ["Checked: ", *self.inline(claim.how), f" ({claim.checked.isoformat()})."]
        if keys := [key for key in claim.sources if key in self.sources]:
            parts += [" Sources: ", *self.inline(f"{{cite:p}}`{','.join(keys)}`"), "."]
        for number, url in enumerate(claim.urls):
            parts += [", " if number else " Read: ", nodes.reference("", shortened(url), refuri=url, internal=False)]
        if claim.urls:
            parts.append(".")
        if labels := [self.concepts[name].label for name in claim.concepts if name in self.concepts]:
            parts += [" Terms: ", *self.inline(", ".join(f"{{term}}`{label}`" for label in labels)), "."]
        return parts


def badge(verdict: str) -> nodes.inline:
    """The verdict as a small label."""
    return nodes.inline("", verdict, classes=["wsw-verdict", f"wsw-verdict-{slug(verdict)}"])


def slug(verdict: str) -> str:
    """The verdict as a part of a class name."""
    return verdict.replace(" ", "-")


def where(claim: Claim) -> str:
    """Lines of the notes that make the claim."""
    if claim.line is None:
        return "met elsewhere"
    lines = [str(line) for line in sorted({claim.line, *claim.again})]
    return f"notes, line {lines[0]}" if len(lines) == 1 else f"notes, lines {', '.join(lines)}"


def shortened(url: str) -> str:
    """An address as a reader wants to see it."""
    return url.partition("://")[2].removeprefix("www.").rstrip("/")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("claims-ledger", ClaimsLedger)
    app.connect("html-page-context", load_files_on("wsw_claims", "wsw-claims.css", "wsw-claims.js"))
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
