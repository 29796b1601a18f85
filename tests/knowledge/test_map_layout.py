import time

import numpy as np
import pytest
from tests.concepts import field

from diarbook.knowledge.map_layout import (
    edges_of,
    label_box,
    label_lines,
    map_data,
    map_layout,
    packed,
    separated_boxes,
)
from diarbook.knowledge.ontology import load_ontology


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("turn", ["turn"]),
        ("additive angular margin softmax", ["additive angular", "margin softmax"]),
        ("encoder-decoder attractors", ["encoder-decoder", "attractors"]),
        ("pneumonoultramicroscopic", ["pneumonoultramicroscopic"]),
    ],
)
def test_long_labels_are_broken(label, lines):
    assert label_lines(label) == lines


def covers(centers, half):
    depth = (half[:, None] + half[None]) - np.abs(centers[:, None] - centers[None])
    np.fill_diagonal(depth[..., 0], -1)
    return (depth > 1.5).all(-1).sum() // 2


def test_boxes_are_moved_apart_even_from_one_place():
    half = np.full((9, 2), [40.0, 12.0])
    assert covers(separated_boxes(np.zeros((9, 2)), half), half) == 0


def test_packed_boxes_do_not_overlap():
    sizes = np.random.default_rng(0).uniform(40, 400, (25, 2))
    corners = packed(sizes)
    assert covers(corners + sizes / 2, sizes / 2) == 0
    assert packed(np.array([[10.0, 10.0]])).tolist() == [[0, 0]]


def test_the_map_of_the_book_is_quick_legible_and_always_the_same():
    book = load_ontology()
    start = time.perf_counter()
    centers, regions = map_layout(book)
    assert time.perf_counter() - start < 3
    assert map_layout(dict(reversed(book.items()))) == (centers, regions)
    names = list(book)
    half = np.array([label_box(book[name].label) for name in names])
    assert covers(np.array([centers[name] for name in names], dtype=float), half) <= len(names) // 50
    boxes = np.array(list(regions.values()), dtype=float)
    assert covers(boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2) == 0
    for name in names:
        x, y, width, height = regions[book[name].topic]
        assert x <= centers[name][0] <= x + width
        assert y <= centers[name][1] <= y + height


def test_the_map_s_data_name_every_concept_and_relation_once():
    made = field()
    data = map_data(made, {"v1": "g.html#term-v1"}, {"vad": ("vad.html", "VAD")})
    assert {node["id"] for node in data["nodes"]} == set(made)
    assert len(data["edges"]) == len(edges_of(made)) == 7
    assert [chapter["word"] for chapter in data["chapters"]] == ["start", "features", "vad", "clustering"]
