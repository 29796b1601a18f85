"""What goes wrong, by error message and by symptom, and what ``diarbook`` itself says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.knowledge.troubleshooting import (
    GROUPS,
    Message,
    Pain,
    Reference,
    headings,
    load_messages,
    load_pains,
    problems,
    thread_address,
    troubleshooting_file,
)
from diarbook.sphinx.base import WswDirective, definition_grid, joined, make_section, make_table, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class TroubleshootingDirective(WswDirective):
    """What the three directives share."""

    def path(self) -> Path | None:
        """The file, on which the page depends."""
        path = troubleshooting_file()
        if path is not None:
            self.note_file(path)
        return path

    def pains(self) -> list[Pain]:
        """Every entry; faults become warnings."""
        path = self.path()
        try:
            return load_pains(path) if path else []
        except KnowledgeError as error:
            self.warn(str(error))
            return []

    def link(self, pain: Pain, text: str) -> nodes.Node:
        """Link to the entry of a pain on this page."""
        return nodes.reference("", text, refid=anchor(pain), internal=True)


def anchor(pain: Pain) -> str:
    """The anchor of an entry."""
    return nodes.make_id(f"pain-{pain.id}")


class MessageIndex(TroubleshootingDirective):
    """Every literal error message, in alphabetical order, with a link to its entry."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        found = sorted(
            ((message, pain) for pain in self.pains() for message in pain.messages), key=lambda one: one[0].casefold()
        )
        if not found:
            return []
        rows = (
            nodes.row(
                "",
                nodes.entry("", paragraph(nodes.literal("", message))),
                nodes.entry("", paragraph(self.link(pain, pain.title))),
            )
            for message, pain in found
        )
        head = [nodes.entry("", paragraph(title)) for title in ("It says", "Entry")]
        return [make_table(head, rows, ["wsw-table", "colwidths-auto"])]


class SymptomIndex(TroubleshootingDirective):
    """Every entry by its group, as a list of links."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        pains = self.pains()
        rows: list[tuple[str, Sequence[nodes.Node | str]]] = []
        for group, title in GROUPS.items():
            links = [self.link(pain, pain.title) for pain in pains if pain.group == group]
            if links:
                rows.append((title, joined(links, " · ")))
        return [definition_grid(rows, "simple", "wsw-facts")] if rows else []


class Troubleshooting(TroubleshootingDirective):
    """Every entry: symptom, cause, remedy, what shows it, and who met it."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        pains = self.pains()
        for fault in problems(pains, bibliography_keys()):
            self.warn(fault)
        sections: list[nodes.Node] = []
        for group, title in GROUPS.items():
            members = [pain for pain in pains if pain.group == group]
            if members:
                section = make_section(self.state.document, title, f"troubleshooting-{group}")
                section += [self.entry(pain) for pain in members]
                sections.append(section)
        return sections

    def entry(self, pain: Pain) -> nodes.section:
        """One entry as a section."""
        section = make_section(self.state.document, pain.title, f"pain-{pain.id}")
        section["classes"].append("wsw-pain")
        section += paragraph(*self.inline(pain.symptom))
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = []
        if pain.messages:
            facts.append(("It says", joined([nodes.literal("", message) for message in pain.messages], "; ")))
        facts += [("Cause", self.inline(pain.cause)), ("Remedy", self.inline(pain.remedy))]
        if pain.lacks:
            facts.append(("Not yet", self.inline(pain.lacks)))
        section += definition_grid(facts, "simple", "wsw-facts")
        if pain.run:
            section += self.markdown("```console\n" + "\n".join(f"$ {line}" for line in pain.run) + "\n```")
        if pain.code:
            section += self.markdown(f"```python\n{pain.code}\n```")
        if pain.see:
            section += paragraph("See ", *joined([self.target(one) for one in pain.see]), ".")
        section += self.sources(pain)
        return section

    def target(self, one: Reference) -> nodes.Node:
        """Link to a page, or to a heading of it; a heading that has another name by now costs only its anchor."""
        page = self.page(one.page)
        if one.section is None or page is None or one.section not in headings(page):
            return self.page_link(one.page)
        return self.anchor_link(page, nodes.make_id(one.section), one.section)

    def sources(self, pain: Pain) -> nodes.paragraph:
        """Who met it, and where that can be read."""
        links: list[nodes.Node | str] = [
            nodes.reference("", thread, refuri=thread_address(thread), internal=False) for thread in pain.threads
        ]
        parts: list[nodes.Node | str] = ["Met in ", *joined(links), "." if links else ""] if links else []
        if pain.seen:
            parts += [" " if parts else "", *self.inline(pain.seen)]
        if pain.sources:
            parts += [" " if parts else "", *self.inline(f"{{cite:p}}`{','.join(pain.sources)}`.")]
        return paragraph(*parts, classes=["wsw-pain-sources"])


class OwnMessages(TroubleshootingDirective):
    """What ``diarbook`` itself says, what it means, and what to do."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        path = self.path()
        try:
            messages = load_messages(path) if path else []
        except KnowledgeError as error:
            self.warn(str(error))
            messages = []
        head = [nodes.entry("", paragraph(title)) for title in ("It says", "It means", "What to do")]
        return [make_table(head, map(self.row, messages), ["wsw-table", "colwidths-auto"])] if messages else []

    def row(self, message: Message) -> nodes.row:
        """One message."""
        cells = [nodes.literal("", message.says)], self.inline(message.meaning), self.inline(message.do)
        return nodes.row("", *(nodes.entry("", paragraph(*cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives."""
    app.add_directive("troubleshooting", Troubleshooting)
    app.add_directive("troubleshooting-messages", MessageIndex)
    app.add_directive("troubleshooting-symptoms", SymptomIndex)
    app.add_directive("diarbook-messages", OwnMessages)
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
