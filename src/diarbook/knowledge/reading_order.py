"""What to read before a chapter and after it, from the concepts that chapters share.

Chapter: ontology
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from diarbook.knowledge.chapters import order_of
from diarbook.knowledge.ontology import Concept

PREREQUISITES = 3
"""How many chapters a list of prerequisites names, besides those that the author named."""


def by_name(concepts: Mapping[str, Concept]) -> dict[str, str]:
    """Id of the concept that each label means, also a hidden one, names in case-folded form."""
    names: dict[str, str] = {}
    for concept in concepts.values():
        for name in concept.every_name:
            names.setdefault(name.casefold(), concept.id)
    return names


def neighbors(concept: Concept) -> tuple[str, ...]:
    """Ids that a concept's definition leans on: broader, related, and the stage that it is a part of."""
    return tuple(dict.fromkeys((*concept.broader, *concept.stage, *concept.related)))


def unlinked(
    concepts: Mapping[str, Concept], uses: Mapping[str, Collection[str]], pages: Mapping[str, str]
) -> dict[str, list[str]]:
    """Concepts that the page of their own chapter never links, by chapter.

    Parameters
    ----------
    concepts : mapping of str to Concept
    uses : mapping of str to collection of str
        Ids of the concepts that each page links.
    pages : mapping of str to str
        The page of each subject; a subject without a page owes nothing yet.

    Returns
    -------
    dict of str to list of str
        Subjects in the order of reading, each with ids sorted by label.
    """
    missing: dict[str, list[str]] = {}
    for concept in sorted(concepts.values(), key=lambda c: (order_of(c.topic), c.label.casefold())):
        page = pages.get(concept.topic)
        if page is not None and concept.id not in uses.get(page, ()):
            missing.setdefault(concept.topic, []).append(concept.id)
    return missing


def needed_concepts(concepts: Mapping[str, Concept], chapter: str, linked: Iterable[str]) -> list[str]:
    """Ids that a chapter needs: those its page links, then the neighbors of the concepts that it teaches."""
    leaned_on = (other for one in concepts.values() if one.topic == chapter for other in neighbors(one))
    return [name for name in dict.fromkeys([*linked, *leaned_on]) if name in concepts]


def prerequisites(
    concepts: Mapping[str, Concept],
    uses: Mapping[str, Sequence[str]],
    pages: Mapping[str, str],
    order: Sequence[str],
    named: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, list[tuple[str, list[str]]]]:
    """What to read before each chapter, with the terms that it takes from there.

    A chapter needs the concepts that its page links, and those that the concepts which it teaches are broader than,
    related to, or a stage of, as far as another chapter teaches them. A chapter that comes earlier in the book and
    teaches at least two of them (or the only one that is needed at all) is a candidate. Candidates that a reader
    reads anyway on the way to another candidate are left out, so the list is short: reading follows the chain.
    Of the rest the ``PREREQUISITES`` with the most concepts stay. Chapters that the author named come first, always.

    Parameters
    ----------
    concepts : mapping of str to Concept
    uses : mapping of str to sequence of str
        Ids of the concepts that each page links, in their order on the page.
    pages : mapping of str to str
        The page of each chapter word.
    order : sequence of str
        Every page, in the order of the book.
    named : mapping of str to sequence of str, optional
        Pages that the author of a page says to read first.

    Returns
    -------
    dict of str to list of (str, list of str)
        For each chapter's page the pages to read first, each with the ids of the concepts taken from it.
    """
    named = named or {}
    position = {page: number for number, page in enumerate(order)}
    chapter_of = {page: word for word, page in pages.items()}
    read_on_the_way: dict[str, set[str]] = {}
    result: dict[str, list[tuple[str, list[str]]]] = {}
    for page in sorted(chapter_of, key=lambda name: position.get(name, len(position))):
        taught_by: dict[str, list[str]] = {}
        for name in needed_concepts(concepts, chapter_of[page], uses.get(page, ())):
            teacher = pages.get(concepts[name].topic)
            if teacher is not None and position.get(teacher, len(position)) < position.get(page, len(position)):
                taught_by.setdefault(teacher, []).append(name)
        by_author = [name for name in named.get(page, ()) if name in position]
        derived = _most_needed(taught_by, by_author, read_on_the_way)
        first = [*by_author, *sorted(derived, key=position.__getitem__)]
        result[page] = [(name, taught_by.get(name, [])) for name in first]
        read_on_the_way[page] = {*first, *(earlier for name in first for earlier in read_on_the_way.get(name, ()))}
    return result


def _most_needed(
    taught_by: Mapping[str, Sequence[str]], by_author: Sequence[str], read_on_the_way: Mapping[str, Collection[str]]
) -> list[str]:
    """Pages that teach most of what is needed, without those that are read on the way to another one."""
    least = 2 if any(len(names) > 1 for names in taught_by.values()) else 1
    candidates = [page for page, names in taught_by.items() if len(names) >= least and page not in by_author]
    on_the_way = {earlier for page in (*candidates, *by_author) for earlier in read_on_the_way.get(page, ())}
    direct = [page for page in candidates if page not in on_the_way]
    return sorted(direct, key=lambda page: -len(taught_by[page]))[:PREREQUISITES]


def followers(
    concepts: Mapping[str, Concept], uses: Mapping[str, Sequence[str]], pages: Mapping[str, str], order: Sequence[str]
) -> dict[str, list[tuple[str, list[str]]]]:
    """For each chapter's page the other pages that use the terms it teaches, with these terms, in book order."""
    result: dict[str, list[tuple[str, list[str]]]] = {}
    for word, page in pages.items():
        own = {concept.id for concept in concepts.values() if concept.topic == word}
        shared = ((other, [name for name in uses.get(other, ()) if name in own]) for other in order if other != page)
        result[page] = [(other, names) for other, names in shared if names]
    return result
