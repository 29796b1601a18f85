from tests.sphinx.small_book import CITED, bare_glossary, build

from diarbook.knowledge.chooser import load_chooser


def test_the_page_holds_every_rule(tmp_path):
    index = "# F\n\n```{toctree}\nwhich\ncited\nterms\n```\n"
    page = "# C\n\n```{chooser}\n```\n"
    err, html = build(tmp_path, index=index, which=page, cited=CITED, terms=bare_glossary())
    assert err == ""
    questions, rules = load_chooser()
    for one in rules:
        assert f'id="chooser-{one.id}"' in html["which"]
    for question in questions:
        assert f'data-question="{question.id}"' in html["which"]
