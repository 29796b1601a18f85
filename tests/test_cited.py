import pytest
from tests.test_knowledge import BIBLIOGRAPHY, build

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
    assert (first.url, first.key, first.left_out, first.place) == ("https://a", "k", None, "cited.yaml:1")
    assert (second.key, second.left_out, second.place) == (None, "a blog", "cited.yaml:2")
    assert problems([first, second], {"other"}) == ["cited.yaml:1: 'k' is not in the bibliography"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {url: u}\n", "cited.yaml:1: expected url and one of key and left_out"),
        ("- {url: u, key: k, left_out: w}\n", "cited.yaml:1: expected url"),
        ("- {url: u, key: k}\n- {url: u, key: k}\n", "cited.yaml:2: u occurs twice"),
        ("- [\n", "cited.yaml: cannot be read"),
    ],
)
def test_faults_are_named(tmp_path, text, message):
    with pytest.raises(KnowledgeError) as caught:
        load_cited(write(tmp_path, text))
    assert str(caught.value).startswith(message)


def test_the_page_shows_each_reason_once(tmp_path):
    api = "# A\n\n```{api-reference}\n```\n"
    index = "# F\n\n```{toctree}\nleft\napi\nb\nglossary\n```\n"
    glossary = "# G\n\n```{glossary-from-ontology}\n```\n"
    page = "# L\n\n```{cited-left-out}\n```\n"
    err, html = build(tmp_path, index=index, left=page, api=api, b=BIBLIOGRAPHY, glossary=glossary)
    assert err == ""
    cited = load_cited(cited_file())
    for reason in {one.left_out for one in cited if one.left_out}:
        assert html["left"].count(f"<strong>{reason[0].upper()}{reason[1:]} (") == 1
