from tests.sphinx.small_book import API, BIBLIOGRAPHY, GLOSSARY, build

from diarbook.knowledge import load_ontology


def test_the_directives_build_without_warnings(tmp_path):
    front = "# Front: why\n\n{term}`speaker diarization`, {term}`who spoke when`, {term}`ASR`.\n"
    options = ":question: Who speaks?\n:after: index\n:minutes: 1\n:data: d\n:models: m\n"
    card = f"# One: two\n\n```{{chapter-card}}\n{options}```\n"
    toc = "\n```{toctree}\nglossary\none\nbibliography\napi\nevidence\n```\n"
    err, pages = build(
        tmp_path,
        index=front + toc,
        glossary=GLOSSARY,
        one=card,
        bibliography=BIBLIOGRAPHY,
        api=API,
        evidence="# E\n\n```{evidence-index}\n```\n",
    )
    assert err == ""
    assert pages["index"].count('href="glossary.html#term-speaker-diarization"') == 2
    assert 'href="glossary.html#term-speech-recognition"' in pages["index"]
    assert '<span class="doc">Front</span>' in pages["one"]
    assert "Who speaks?" in pages["one"]
    assert 'id="diarbook.turns.Turn"' in pages["api"]
    for concept_ in load_ontology().values():
        assert concept_.label in pages["glossary"].replace("&amp;", "&").replace("’", "'")
        for name in (concept_.id, *concept_.replaces):  # an identifier of the export leads somewhere
            assert pages["glossary"].count(f'id="concept-{name}"') == 1, name


def test_faults_of_a_page_are_warnings(tmp_path):
    err, _ = build(tmp_path, index="# F\n\n```{chapter-card}\n:after: nowhere\n```\n\n```{evidence} nothing\n```\n")
    assert "the option 'question' is missing" in err
    assert "'after' names 'nowhere', which is no page" in err
    assert "no such evidence; run `make bench`" in err
