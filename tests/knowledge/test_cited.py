import pytest

from diarbook.errors import KnowledgeError
from diarbook.knowledge.cited import cited_file, load_cited, problems
from diarbook.knowledge.ontology import bibliography_keys


def write(folder, text):
    path = folder / "cited.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_book_s_list_has_no_faults():
    cited = load_cited(cited_file())
    assert len(cited) > 150
    assert problems(cited, bibliography_keys()) == []
    assert all(one.url.startswith(("https://", "http://")) for one in cited)


def test_a_list_is_read(tmp_path):
    first, second = load_cited(write(tmp_path, "- {url: 'https://a', key: k}\n- url: https://b\n  left_out: a blog\n"))
    assert (first.url, first.key, first.left_out, first.location) == ("https://a", "k", None, "cited.yaml:1")
    assert (second.key, second.left_out, second.location) == (None, "a blog", "cited.yaml:2")
    assert problems([first, second], {"other"}) == ["cited.yaml:1: 'k' is not in the bibliography"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {url: https://u}\n", "cited.yaml:1: row 1: expected url and one of key and left_out"),
        ("- {url: https://u, key: k, left_out: w}\n", "cited.yaml:1: row 1: expected url"),
        ("- {url: https://u, key: k}\n- {url: https://u, key: k}\n", "cited.yaml:2: https://u occurs twice"),
        ("- {url: u, key: k}\n", "cited.yaml:1: row 1: field 'url' must be an address, got 'u'"),
        ("- [\n", "cited.yaml:2: not valid YAML"),
    ],
)
def test_faults_are_named(tmp_path, text, message):
    with pytest.raises(KnowledgeError) as caught:
        load_cited(write(tmp_path, text))
    assert str(caught.value).startswith(message)
