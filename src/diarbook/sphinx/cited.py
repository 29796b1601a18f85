"""What the bibliography's page says of its entries: which were opened, and which cited addresses have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.knowledge.cited import cited_file, load_cited, problems
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.knowledge.references import load_references, references_file
from diarbook.sphinx.base import WswDirective, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class LeftOut(WswDirective):
    """How many cited addresses became entries, and the others by the reason why they did not."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        path = cited_file()
        if path is None:
            return []
        self.note_file(path)
        try:
            cited = load_cited(path)
        except KnowledgeError as error:
            self.warn(str(error))
            return []
        for fault in problems(cited, bibliography_keys()):
            self.warn(fault)
        kept = sum(one.key is not None for one in cited)
        result: list[nodes.Node] = [
            paragraph(f"Of {len(cited)} addresses, {kept} stand for an entry above and {len(cited) - kept} do not.")
        ]
        for reason in dict.fromkeys(one.left_out for one in cited if one.left_out):
            urls = [one.url for one in cited if one.left_out == reason]
            items = nodes.bullet_list(classes=["wsw-left-out"])
            for url in urls:
                shown = url.partition("://")[2].rstrip("/")
                items += nodes.list_item("", paragraph(nodes.reference("", shown, refuri=url, internal=False)))
            head = nodes.strong("", f"{reason[0].upper()}{reason[1:]} ({len(urls)})")
            result += [paragraph(head), items]
        return result


class Unopened(WswDirective):
    """How many entries were opened, and which are known from citations by others alone."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        path = references_file()
        if path is None:
            return []
        self.note_file(path)
        try:
            references = load_references(path)
        except KnowledgeError as error:
            self.warn(str(error))
            return []
        closed = [key for key, one in references.items() if not one.opened]
        opened = len(references) - len(closed)
        said = f"Of {len(references)} entries, {opened} were opened, most of them as far as the abstract"
        if not closed:
            return [paragraph(f"{said}.")]
        links = ", ".join(f"{{cite:t}}`{key}`" for key in closed)
        return self.markdown(f"{said}. Known from citations alone are {links}.")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("cited-left-out", LeftOut)
    app.add_directive("references-unopened", Unopened)
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
