"""Where the concept map shows each concept: a force-directed layout for each chapter, and the chapters in rows.

Chapter: concept-map
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from diarbook.knowledge.chapters import order_of, title_of
from diarbook.knowledge.ontology import Concept, plain

# Lengths are in units of the map: pixels at zoom 1.

LETTER_WIDTH, LINE_HEIGHT, DOT_HEIGHT = 6.6, 15.0, 16.0
"""What a label is made of, and the dot above it."""

LABEL_MARGIN = (5.0, 3.0)
"""Free room to the left and right of a label, and above and below."""

LONGEST_LINE = 18
"""Letters; longer labels are broken into two lines."""

GUTTER = 36.0
"""Between the boxes of two chapters."""

TITLE_HEIGHT = 46.0
"""At the top of a chapter's box, for its name."""

PAGE_ASPECT = 1.35
"""Width over height that the whole map should have."""

CHAPTER_SPACING = (460.0, 380.0)
"""Between the middles of chapters while they are laid out, when their boxes are not known yet."""

START_SPACING = 40.0
"""Between concepts at the start of a layout, where they stand like the seeds of a sunflower."""

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
"""Between two seeds of a sunflower, radians."""

LABEL_ASPECT = 1.6
"""Labels are wider than high, so distances to the side count less by this factor."""

STEPS = 160
"""Of a layout."""

REPULSION, CLOSEST = 140.0, 5.0
"""Between any two concepts, falling with their distance, which counts as ``CLOSEST`` at least."""

SPRING, SPRING_LENGTH = 0.12, 60.0
"""Pull of a relation, and the length below which it rests."""

OUTWARD_PULL, STRONGEST_OUTWARD = 3.0, 2.0
"""Pull towards related concepts of other chapters, and of how many it counts at most."""

MIDDLE_PULL = (0.048, 0.072)
"""Pull to the middle of the chapter, sideways and up or down."""

FIRST_STRIDE, LAST_STRIDE = 24.0, 0.5
"""Farthest that a concept moves in the first step and in the last one."""

ROUNDS, PUSH, SIDE_COST = 200, 0.55, 2.2
"""Moving boxes apart: rounds at most, the share of an overlap that each box gives way, and how much dearer it is to
push to the side than up or down."""

SHELF_WIDTHS = np.linspace(0.8, 1.6, 33)
"""Widths that are tried when the chapters are packed in rows, as shares of an even page's width."""


def label_lines(label: str) -> list[str]:
    """The label in one line, or in two that are as equal as its spaces and hyphens allow."""
    if len(label) <= LONGEST_LINE:
        return [label]
    breaks = [match.end() for match in re.finditer(r"[ -]", label[:-1])]
    if not breaks:
        return [label]
    cut = min(breaks, key=lambda position: abs(position - len(label) / 2))
    return [label[:cut].rstrip(), label[cut:]]


def label_box(label: str) -> tuple[float, float]:
    """Half width and half height that a concept with its label needs on the map."""
    lines = label_lines(label)
    width, height = max(map(len, lines)) * LETTER_WIDTH, DOT_HEIGHT + LINE_HEIGHT * len(lines)
    return width / 2 + LABEL_MARGIN[0], height / 2 + LABEL_MARGIN[1]


def edges_of(concepts: Mapping[str, Concept]) -> list[tuple[str, str, str]]:
    """Relations of the map: (from, to, ``broader`` or ``stage`` or ``related``), each pair of concepts once."""
    edges: dict[frozenset[str], tuple[str, str, str]] = {}
    for kind in ("broader", "stage", "related"):
        for _, concept in sorted(concepts.items()):
            for other in sorted(getattr(concept, kind)):
                if other in concepts and other != concept.id:
                    edges.setdefault(frozenset((concept.id, other)), (concept.id, other, kind))
    return list(edges.values())


def separated_boxes(centers: np.ndarray, half: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """Move boxes apart until none covers another.

    Parameters
    ----------
    centers : array of shape (n, 2)
    half : array of shape (n, 2)
        Half widths and half heights.
    rounds : int

    Returns
    -------
    array of shape (n, 2)
        The new centers.
    """
    centers = centers.copy()
    numbers = np.arange(len(centers))
    needed = half[:, None] + half[None]
    tie = np.sign(numbers[:, None] - numbers[None])[..., None]  # which way, when two centers coincide
    for _ in range(rounds):
        difference = centers[:, None] - centers[None]
        depth = needed - np.abs(difference)
        touching = (depth > 1e-6).all(-1)
        np.fill_diagonal(touching, val=False)
        if not touching.any():
            break
        sideways = depth[..., 0] < depth[..., 1] * SIDE_COST
        push = np.where(np.stack([sideways, ~sideways], -1), depth, 0) * touching[..., None]
        centers += PUSH * (push * np.where(difference == 0, tie, np.sign(difference))).sum(1)
    return centers


def region_layout(half: np.ndarray, links: Sequence[tuple[int, int]], outward: np.ndarray) -> np.ndarray:
    """Centers of the concepts of one chapter around the origin.

    Springs along relations, repulsion between all, a pull to the middle, and one in the direction of related
    concepts of other chapters; then the boxes of the labels are moved apart. Starts from a sunflower, so no seed.

    Parameters
    ----------
    half : array of shape (n, 2)
        Half widths and half heights of the labels' boxes.
    links : sequence of (int, int)
        Related concepts.
    outward : array of shape (n, 2)
        Direction of related concepts of other chapters, summed.
    """
    numbers = np.arange(len(half))
    angle, radius = numbers * GOLDEN_ANGLE, START_SPACING * np.sqrt(numbers + 0.5)
    centers = np.stack([1.5 * radius * np.cos(angle), radius * np.sin(angle)], -1)
    pairs = np.array(links, dtype=int).reshape(-1, 2)
    for step in range(STEPS):
        move = _forces(centers, pairs) + OUTWARD_PULL * outward
        size = np.linalg.norm(move, axis=-1, keepdims=True) + 1e-9
        centers += move / size * np.minimum(size, FIRST_STRIDE * (1 - step / STEPS) + LAST_STRIDE)
    return separated_boxes(centers - centers.mean(0), half)


def _forces(centers: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Repulsion, springs and the pull to the middle, for each concept."""
    difference = (centers[:, None] - centers[None]) / [LABEL_ASPECT, 1.0]
    square = (difference**2).sum(-1) + CLOSEST**2
    force = (REPULSION * difference / square[..., None]).sum(1)
    spring = centers[pairs[:, 1]] - centers[pairs[:, 0]]
    length = np.linalg.norm(spring, axis=-1, keepdims=True) + 1e-9
    pull = SPRING * spring * np.maximum(0, 1 - SPRING_LENGTH / length)
    np.add.at(force, pairs[:, 0], pull)
    np.add.at(force, pairs[:, 1], -pull)
    return force - centers * MIDDLE_PULL


def packed(sizes: np.ndarray, aspect: float = PAGE_ASPECT) -> np.ndarray:
    """Upper left corners of boxes in rows, in their order; a box goes below the one before it where there is room.

    Parameters
    ----------
    sizes : array of shape (n, 2)
        Widths and heights, gaps included.
    aspect : float
        Width over height that the whole should have.
    """

    def badness(corners: np.ndarray) -> float:
        width, height = (corners + sizes).max(0)
        return max(width, height * aspect)

    even = np.sqrt(sizes.prod(1).sum() * aspect)
    return min((_rows(sizes, even * share) for share in SHELF_WIDTHS), key=badness)


def _rows(sizes: np.ndarray, limit: float) -> np.ndarray:
    """Upper left corners of boxes in rows of a width; ``x, y`` is the corner of the column that is being filled."""
    corners: list[tuple[float, float]] = []
    x = y = row_height = column_height = column_width = 0.0
    for width, height in sizes:
        room_below = column_height + height <= row_height
        if corners and room_below and (width <= column_width or x + width <= limit):
            corners.append((x, y + column_height))
            column_height, column_width = column_height + height, max(column_width, width)
            continue
        x += column_width
        if corners and x + width > limit:
            x, y, row_height = 0.0, y + row_height, 0.0
        corners.append((x, y))
        row_height, column_height, column_width = max(row_height, height), height, width
    return np.array(corners)


def map_layout(concepts: Mapping[str, Concept]) -> tuple[dict[str, tuple[int, int]], dict[str, list[int]]]:
    """Where the map shows each concept, and the box of each chapter; the same for the same ontology.

    Chapters are laid out one by one; then their boxes are packed in rows, in the order of the plan.

    Returns
    -------
    centers : dict of str to (int, int)
    regions : dict of str to [x, y, width, height]
    """
    chapters = sorted({concept.topic for concept in concepts.values()}, key=order_of)
    edges = edges_of(concepts)
    rough = _serpentine(chapters)
    inside: dict[str, dict[str, np.ndarray]] = {}
    half_sizes = np.zeros((len(chapters), 2))
    for number, chapter in enumerate(chapters):
        inside[chapter], half_sizes[number] = _chapter_layout(chapter, concepts, edges, rough)
    corners = packed(2 * half_sizes + GUTTER)
    centers = {
        name: tuple(round(value) for value in corner + half + offset)
        for chapter, corner, half in zip(chapters, corners, half_sizes, strict=True)
        for name, offset in inside[chapter].items()
    }
    regions = {
        chapter: [round(value) for value in (*corner, *(2 * half))]
        for chapter, corner, half in zip(chapters, corners, half_sizes, strict=True)
    }
    return centers, regions


def _serpentine(chapters: Sequence[str]) -> dict[str, np.ndarray]:
    """Rough middles of the chapters, in rows that run to and fro, so that neighbors in the plan are near."""
    columns = max(1, round(np.sqrt(len(chapters) * 0.9)))
    middles = {}
    for number, chapter in enumerate(chapters):
        row, column = divmod(number, columns)
        column = column if row % 2 == 0 else columns - 1 - column
        middles[chapter] = np.array([column, row]) * CHAPTER_SPACING
    return middles


def _chapter_layout(
    chapter: str,
    concepts: Mapping[str, Concept],
    edges: Sequence[tuple[str, str, str]],
    rough: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Offsets of a chapter's concepts from the middle of its box, and half the size of the box."""
    names = sorted(concept.id for concept in concepts.values() if concept.topic == chapter)
    number = {name: index for index, name in enumerate(names)}
    half = np.array([label_box(concepts[name].label) for name in names])
    outward = np.zeros((len(names), 2))
    for start, end, _ in edges:
        for here, there in ((start, end), (end, start)):
            if here in number and there not in number:
                way = rough[concepts[there].topic] - rough[chapter]
                outward[number[here]] += way / (np.linalg.norm(way) + 1e-9)
    links = [(number[start], number[end]) for start, end, _ in edges if start in number and end in number]
    centers = region_layout(half, links, np.clip(outward, -STRONGEST_OUTWARD, STRONGEST_OUTWARD))
    low, high = (centers - half).min(0), (centers + half).max(0)
    low[1] -= TITLE_HEIGHT
    return dict(zip(names, centers - (low + high) / 2, strict=True)), (high - low) / 2


def map_data(
    concepts: Mapping[str, Concept],
    glossary: Mapping[str, str] | None = None,
    pages: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, object]:
    """What the script of the map needs.

    Parameters
    ----------
    concepts : mapping of str to Concept
    glossary : mapping of str to str, optional
        Address of the glossary entry of each concept.
    pages : mapping of str to (str, str), optional
        Address and title of the page of each chapter.
    """
    glossary, pages = glossary or {}, pages or {}
    centers, regions = map_layout(concepts)
    edges = edges_of(concepts)
    degree = Counter(name for start, end, _ in edges for name in (start, end))
    rank = sorted(concepts, key=lambda n: (concepts[n].kind not in ("stage", "task"), -degree[n], n))
    number = {name: index for index, name in enumerate(rank)}
    chapters = list(regions)
    return {
        "nodes": [
            {
                "id": name,
                "label": concepts[name].label,
                "lines": label_lines(concepts[name].label),
                "also": list(concepts[name].names[1:]),
                "definition": plain(concepts[name].definition),
                "kind": concepts[name].kind,
                "scheme": concepts[name].group,
                "chapter": chapters.index(concepts[name].topic),
                "x": centers[name][0],
                "y": centers[name][1],
                "size": degree[name],
                "href": glossary.get(name, ""),
                "not": [number[o] for o in concepts[name].not_to_be_confused_with if o in number],
            }
            for name in rank
        ],
        "edges": [[number[start], number[end], kind] for start, end, kind in edges],
        "chapters": [
            {
                "word": word,
                "name": title_of(word),
                "box": regions[word],
                "href": pages.get(word, ("", ""))[0],
                "title": pages.get(word, ("", ""))[1],
            }
            for word in chapters
        ],
    }
