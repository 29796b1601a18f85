"""Reading lists: what to read for each chapter, from the bibliography's fields ``annotation`` and ``concepts``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

from diarbook.files import repository_root
from diarbook.knowledge.chapters import order_of, title_of
from diarbook.knowledge.ontology import Concept, bibliography_keys
from diarbook.sphinx.base import WswDirective, make_section, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of the bibliography, as a reading list shows it.

    Parameters
    ----------
    key : str
    year : int
        0 when the entry has none.
    title : str
        Without marks of LaTeX.
    venue : str
    annotation : str
        What the work is good for; empty when nobody wrote it.
    concepts : tuple of str
        Ids of the concepts that it is about.
    """

    key: str
    year: int
    title: str
    venue: str
    annotation: str
    concepts: tuple[str, ...]


def plain_latex(text: str) -> str:
    """Text without marks of LaTeX; decoding takes long, so that a text without commands only loses its braces."""
    from pybtex.richtext import Text

    marked = re.search(r"[\\~$]|--", text)
    return " ".join((Text.from_latex(text).render_as("text") if marked else re.sub(r"[{}]", "", text)).split())


def load_readings(path: Path, concepts: Mapping[str, Concept]) -> list[Reading]:
    """Every entry of a BibTeX file, oldest first.

    An entry without the field ``concepts`` is about the concepts that give it as a source.

    Raises
    ------
    pybtex.exceptions.PybtexError
        When the file is not BibTeX.
    """
    from pybtex.database import parse_file

    naming: dict[str, list[str]] = {}
    for concept in concepts.values():
        for key in concept.sources:
            naming.setdefault(key, []).append(concept.id)

    def text(entry, *names: str) -> str:
        field = next((name for name in names if entry.fields.get(name)), None)
        return plain_latex(entry.fields[field]) if field else ""

    readings = []
    for key, entry in parse_file(str(path), bib_format="bibtex").entries.items():
        about = [name for name in re.split(r"[\s,;]+", entry.fields.get("concepts", "")) if name]
        year = re.search(r"\d{4}", entry.fields.get("year", ""))
        readings.append(
            Reading(
                key,
                int(year[0]) if year else 0,
                text(entry, "title"),
                text(entry, "journal", "booktitle", "publisher", "institution", "howpublished", "school"),
                " ".join(entry.fields.get("annotation", "").split()),
                tuple(about or naming.get(key, ())),
            )
        )
    return sorted(readings, key=lambda reading: (reading.year, reading.key))


def by_chapter(readings: Iterable[Reading], concepts: Mapping[str, Concept]) -> dict[str | None, list[Reading]]:
    """The readings of each chapter, in the order of the plan; None is for those that belong to no chapter."""
    lists: dict[str | None, list[Reading]] = {}
    for reading in readings:
        chapters = {concepts[name].topic for name in reading.concepts if name in concepts}
        for chapter in chapters or {None}:
            lists.setdefault(chapter, []).append(reading)
    return dict(sorted(lists.items(), key=lambda pair: (pair[0] is None, order_of(pair[0] or ""))))


class ReadingLists(WswDirective):
    """What to read for each chapter, from the bibliography's fields ``annotation`` and ``concepts``."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        from pybtex.exceptions import PybtexError

        root = repository_root()
        path = (root or Path()) / "data" / "references.bib"
        if path.is_file():
            self.note_file(path)
        self.concepts = self.ontology()
        try:
            readings = load_readings(path, self.concepts) if path.is_file() else []
        except PybtexError as error:
            self.warn(f"{path}: {error}")
            readings = []
        known = bibliography_keys(path) if path.is_file() else set()
        for reading in readings:
            for name in reading.concepts:
                if self.concepts and name not in self.concepts:
                    self.warn(f"references.bib: {reading.key}: concepts names {name!r}, which no file defines")
        result: list[nodes.Node] = []
        for chapter, members in by_chapter((one for one in readings if one.key in known), self.concepts).items():
            result.append(self.section(chapter, members))
        return result or [paragraph("No entries yet.", classes=["wsw-empty"])]

    def section(self, chapter: str | None, readings: Sequence[Reading]) -> nodes.section:
        """The list of one chapter."""
        title = title_of(chapter) if chapter else "More"
        section = make_section(self.state.document, title, f"reading-{chapter or 'more'}")
        if chapter:
            section += paragraph("Page: ", *self.topic_link(chapter), ".", classes=["wsw-reading-chapter"])
        items = nodes.bullet_list(classes=["wsw-reading"])
        for reading in readings:
            items += nodes.list_item("", *self.item(reading))
        section += items
        return section

    def item(self, reading: Reading) -> list[nodes.Node]:
        """Citation, title, venue; then what the work is good for, and its terms."""
        [cited] = self.markdown(f"{{cite:t}}`{reading.key}`")
        end = "" if reading.title.endswith(("?", "!", ".")) else "."
        head = paragraph(*cited.children, " ", nodes.emphasis("", reading.title), end, classes=["wsw-reading-head"])
        if reading.venue:
            head += nodes.inline("", f" {reading.venue}.", classes=["wsw-reading-venue"])
        result: list[nodes.Node] = [head, *self.markdown(reading.annotation)]
        labels = [self.concepts[name].label for name in reading.concepts if name in self.concepts]
        if labels:
            terms = ", ".join(f"{{term}}`{label}`" for label in labels)
            [line] = self.markdown(f"Terms: {terms}")
            line["classes"].append("wsw-reading-terms")
            result.append(line)
        return result


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("reading-lists", ReadingLists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
