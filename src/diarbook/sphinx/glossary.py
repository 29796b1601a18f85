"""The glossary: every concept of the ontology with its definitions, its relations and its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.domains.std import make_glossary_term

from diarbook.knowledge.ontology import Concept, canonical_name, problems
from diarbook.knowledge.references import is_opened
from diarbook.sphinx.base import WswDirective, definition_grid, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class used_in_row(nodes.Part, nodes.Element):
    """Where the row ``Used in`` of an entry will be; filled when every page has been read."""


class GlossaryFromOntology(WswDirective):
    """A glossary of every concept; ``{term}`` finds labels and alternative labels."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        concepts = self.ontology(self.warn)
        for problem in problems(concepts):
            self.warn(problem)
        if not concepts:
            return [paragraph("No terms yet.", classes=["wsw-empty"])]
        listed: set[str] = set()
        result: list[nodes.Node] = []
        letter, entries = None, None
        for concept in sorted(concepts.values(), key=lambda c: (initial(c.label), c.label.casefold())):
            names = [name for name in concept.names if name.casefold() not in listed]
            hidden = [name for name in concept.every_name[len(concept.names) :] if name.casefold() not in listed]
            if not names or names[0] != concept.label:
                continue  # the clash has its own warning
            listed.update(name.casefold() for name in (*names, *hidden))
            if initial(concept.label) != letter:
                letter = initial(concept.label)
                result.append(nodes.rubric("", letter, classes=["wsw-letter"]))
                entries = nodes.definition_list(classes=["glossary", "simple", "wsw-glossary"])
                result.append(addnodes.glossary("", entries, sorted=False))
            entries += self.entry(concept, names, hidden, concepts)
        return result

    def entry(
        self, concept: Concept, names: list[str], hidden: list[str], concepts: dict[str, Concept]
    ) -> nodes.definition_list_item:
        """One concept: its term with an anchor for its id, the targets of all its names, and its definition."""
        source, line = self.get_source_info()
        term = make_glossary_term(
            self.env, [nodes.Text(concept.label)], initial(concept.label), source, line, None, self.state.document
        )
        standard = self.env.get_domain("std")
        for name in names[1:]:
            standard._note_term(name, term["ids"][0], location=term)
            index = next(term.findall(addnodes.index))
            index["entries"].append(("single", name, term["ids"][0], "main", initial(name)))
        for name in hidden:  # found by {term}, but not shown
            standard._note_term(name, term["ids"][0], location=term)
        term["ids"] += [f"concept-{name}" for name in (concept.id, *concept.replaces)]
        definition = nodes.definition()
        definition += self.markdown(concept.definition)
        if concept.expert != concept.definition:
            expert = nodes.container(classes=["wsw-expert"])
            expert += self.markdown(concept.expert)
            definition += expert
        if concept.note:
            note = nodes.container(classes=["wsw-expert", "wsw-scope-note"])
            note += self.markdown(concept.note)
            definition += note
        grid = definition_grid(self.facts(concept, names, concepts), "simple", "wsw-facts")
        grid += used_in_row(concept=concept.id)
        definition += grid
        return nodes.definition_list_item("", term, definition)

    def facts(
        self, concept: Concept, names: Sequence[str], concepts: Mapping[str, Concept]
    ) -> list[tuple[str, Sequence[nodes.Node | str]]]:
        """The rows below a definition, each a heading with its content."""
        facts: list[tuple[str, Sequence[nodes.Node | str]]] = []
        if names[1:]:
            facts.append(("Also known as", [", ".join(names[1:])]))
        facts.append(("Kind", [concept.kind]))
        for field, heading in (
            ("stage", "Part of"),
            ("steps", "Steps"),
            ("broader", "Broader"),
            ("related", "Related"),
            ("not_to_be_confused_with", "Not to be confused with"),
        ):
            others = shown(concept, field, concepts)
            if labels := [concepts[other].label for other in others if other in concepts]:
                facts.append((heading, self.inline(", ".join(f"{{term}}`{label}`" for label in labels))))
        for field in ("input", "output", "symbol", "unit"):
            if text := getattr(concept, field):
                facts.append((field.capitalize(), self.inline(text)))
        here = self.page(concept.topic) == self.env.docname
        facts.append(("Page", ["none beyond this entry"] if here else self.topic_link(concept.topic)))
        if concept.function and (full_name := canonical_name(concept.function)):
            facts.append(("Function", [self.object_link(full_name, concept.function)]))
        if sources := self.sources(concept):
            facts.append(("Sources", sources))
        return facts

    def sources(self, concept: Concept) -> list[nodes.Node | str]:
        """The sources of a concept, and whether one of them was opened; a facet needs none."""
        cited = self.inline(f"{{cite:p}}`{','.join(concept.sources)}`") if concept.sources else []
        if concept.kind == "facet" or any(is_opened(key) for key in concept.sources):
            return cited
        return [*cited, " (none of them was opened for this entry)"] if cited else ["none was opened for this entry"]

    def object_link(self, full_name: str, shown: str) -> nodes.Node:
        """Link to an object of the API page."""
        link = addnodes.pending_xref(
            "",
            nodes.literal("", shown, classes=["xref", "py", "py-obj"]),
            refdomain="py",
            reftype="obj",
            reftarget=full_name,
            refdoc=self.env.docname,
            refexplicit=True,
        )
        link.source, link.line = self.get_source_info()
        return link


def shown(concept: Concept, field: str, concepts: Mapping[str, Concept]) -> list[str]:
    """Ids that an entry shows: the facet of its kind where no broader concept is named, a mix-up in both directions."""
    if field == "broader":
        return list(concept.parents(concepts))
    own = list(getattr(concept, field))
    if field == "not_to_be_confused_with":
        own += [name for name, other in concepts.items() if concept.id in other.not_to_be_confused_with]
    return list(dict.fromkeys(own))


def initial(label: str) -> str:
    """Letter under which a term is listed."""
    first = label[0].upper()
    return first if first.isalpha() else "0–9"


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_node(used_in_row)
    app.add_directive("glossary-from-ontology", GlossaryFromOntology)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
