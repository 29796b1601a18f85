from tests.concepts import field

from diarbook.knowledge.map_layout import map_data
from diarbook.sphinx.concept_map import map_list


def test_the_list_of_the_map_names_every_concept_with_its_links():
    made = field()
    page = map_list(map_data(made, {"v1": "g.html#term-v1"}, {"vad": ("vad.html", "VAD")}))
    assert page.count("<li ") == len(made)
    assert 'href="g.html#term-v1"' in page
    assert 'href="vad.html"' in page
    assert "Clustering, not in the book yet" in page
    assert "Voice activity detection</a>" in page
