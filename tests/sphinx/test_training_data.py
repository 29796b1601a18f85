import re

import pytest
from tests.pages import notebooks
from tests.sphinx.small_book import API, BIBLIOGRAPHY, GLOSSARY, build

from diarbook.knowledge.training_data import box_text


def test_the_box_is_one_line_on_a_page(tmp_path):
    boxes = "```{training-data}\n```\n\n```{training-data} silero, segmentation-3.0\n```\n"
    index = f"# T\n\n{boxes}\n```{{toctree}}\ng\nb\na\n```\n"
    said, pages = build(tmp_path, index=index, g=GLOSSARY, b=BIBLIOGRAPHY, a=API)
    assert said == ""
    assert pages["index"].count("What the network has heard before") == 2
    assert pages["index"].count("trn00 to trn09, dev00 and dev01 are the first 30 s") == 2
    assert box_text("silero")[0].partition(";")[0] in pages["index"]


@pytest.mark.parametrize("name", [path.stem for path in notebooks()])
def test_a_page_that_runs_the_segmentation_network_says_what_it_has_heard(name):
    text = next(path for path in notebooks() if path.stem == name).read_text(encoding="utf-8")
    if re.search(r":models: [^\n]*segmentation-3\.0", text.replace("\\n", "\n")):
        assert "```{training-data}" in text
