from tests.concepts import concept, concepts, field

from diarbook.knowledge.reading_order import by_name, followers, prerequisites, unlinked

PAGES = {"start": "n/start", "features": "n/features", "vad": "n/vad", "clustering": "n/clustering"}
ORDER = ["index", "n/start", "n/features", "n/vad", "n/clustering", "glossary"]


def test_concepts_that_their_chapter_never_links():
    found = concepts(
        concept("b", topic="vad"),
        concept("a", topic="vad"),
        concept("linked", topic="vad"),
        concept("elsewhere", topic="start"),
        concept("unwritten", topic="eend"),
    )
    uses = {"n/vad": ["linked"], "index": ["a", "elsewhere"]}
    assert unlinked(found, uses, PAGES) == {"start": ["elsewhere"], "vad": ["a", "b"]}
    assert unlinked(found, uses, {}) == {}


def test_names_find_concepts_by_label_and_alternative():
    assert by_name(concepts(concept("turn", alternative=("Speaker Turn",)))) == {"turn": "turn", "speaker turn": "turn"}


def test_prerequisites_are_earlier_chapters_that_share_two_concepts_and_are_not_met_on_the_way():
    found = prerequisites(field(), {}, PAGES, ORDER)
    assert found["n/start"] == []
    assert found["n/features"] == [("n/start", ["s1", "s2"])]
    assert found["n/vad"] == [("n/features", ["f1", "f2"])]  # start is read before features
    assert found["n/clustering"] == [("n/vad", ["v1"])]  # the only one needed at all


def test_named_prerequisites_come_first_and_links_count():
    uses = {"n/clustering": ["f2", "f1", "nobody"]}
    found = prerequisites(field(), uses, PAGES, ORDER, {"n/clustering": ["n/start"], "n/vad": ["gone"]})
    assert found["n/clustering"] == [("n/start", []), ("n/features", ["f2", "f1"])]
    assert found["n/vad"] == [("n/features", ["f1", "f2"])]


def test_followers_are_all_pages_that_use_a_chapter_s_terms():
    uses = {"n/vad": ["f1", "v1"], "index": ["f2"], "n/features": ["f1"]}
    found = followers(field(), uses, PAGES, ORDER)
    assert found["n/features"] == [("index", ["f2"]), ("n/vad", ["f1"])]
    assert found["n/vad"] == []
