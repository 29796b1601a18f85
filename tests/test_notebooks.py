"""What every notebook must hold; `make test` executes them besides."""

import ast
import importlib.metadata
import json
import re
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from tests.pages import notebooks, toc_files

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
ORDER = [path.stem for path in notebooks()]
CHECKED = re.compile(r"\bpage\.(claim|check)\(")
SET_UP = """\
# In Colab this installs the book's package without touching Colab's torch; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    !curl -sL https://raw.githubusercontent.com/{repository}/main/book/colab.sh | bash"""


def read(name):
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def cells(name, kind):
    return [cell for cell in read(name)["cells"] if cell["cell_type"] == kind]


def tags(cell):
    return cell["metadata"].get("tags", [])


def repository():
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return configuration["repository"]["url"].removeprefix("https://github.com/")


def test_the_table_of_contents_and_the_folder_agree():
    listed = [path.stem for path in notebooks()]
    assert listed
    assert sorted(listed) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_outputs_and_stable_ids(name):
    for cell in cells(name, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    ids = [cell["id"] for cell in read(name)["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_cells(name):
    first = source(cells(name, "markdown")[0])
    assert re.match(r"# .+: .+", first), "the title is `# Subject: the question`"
    text = "\n".join(source(cell) for cell in cells(name, "markdown")[:2])
    card = re.search(r"```\{chapter-card\}\n((?::\w+: .+\n)+)```", text)
    assert card, "a chapter-card comes first"
    options = dict(re.findall(r":(\w+): (.+)", card[1]))
    assert {"question", "minutes", "data", "models"} <= set(options)
    code = cells(name, "code")[0]
    assert source(code) == SET_UP.format(repository=repository())
    assert {"hide-input", "colab"} <= set(tags(code))


@pytest.mark.parametrize(("name", "following"), pairwise(ORDER))
def test_next_follows_the_table_of_contents(name, following):
    last = source(cells(name, "markdown")[-1])
    sentence = last.rpartition("Next:")[2]
    assert sentence != last, "the last cell of text says what comes next"
    links = re.findall(r"\]\((?:\./)?([\w-]+)\.ipynb|\{doc\}`(?:[^`<]*<)?([\w-]+)>?`", sentence)
    assert links
    assert "".join(links[0]) == following


@pytest.mark.parametrize("name", NAMES)
def test_what_is_to_be_read_first_stands_before(name):
    card = "\n".join(source(cell) for cell in cells(name, "markdown")[:2])
    order = [Path(page).name for page in toc_files()]
    asked = [after.strip() for line in re.findall(r"^:after: (.+)", card, re.M) for after in line.split(",")]
    assert [after for after in asked if order.index(after) >= order.index(name)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_card_names_the_license_of_what_was_recorded(name):
    card = "\n".join(source(cell) for cell in cells(name, "markdown")[:2])
    for line in re.findall(r"^:(?:data|models): (.+)", card, re.M):
        for item in re.split(r", (?![^(]*\))", line):
            made_here = item == "none" or re.search(r"simulated|drawn|constructed|generated", item)
            assert made_here or re.search(r"\((?=[^)]*(MIT|CC BY|Apache|BSD|public domain))", item), item


@pytest.mark.parametrize("name", NAMES)
def test_exercises_have_solutions_that_check(name):
    headings = re.findall(r"^### Exercise (\d+) \(([^)]+)\): .+", "\n".join(map(source, cells(name, "markdown"))), re.M)
    assert [int(number) for number, _ in headings] == list(range(1, len(headings) + 1))
    assert len(headings) >= 3
    solutions = [cell for cell in cells(name, "code") if "solution" in tags(cell)]
    assert len(solutions) >= len(headings)
    assert all("hide-cell" in tags(cell) for cell in solutions)
    assert any(CHECKED.search(source(cell)) for cell in solutions)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_what_people_get_wrong(name):
    text = "\n".join(source(cell) for cell in cells(name, "markdown"))
    section = text.partition("## Check yourself\n")[2].partition("\n## ")[0]
    assert 3 <= len(re.findall(r"<details><summary>[^<>]+(?:<code>[^<>]+</code>[^<>]*)*</summary>\n\n", section)) <= 6


@pytest.mark.parametrize("name", NAMES)
def test_no_warning_is_silenced_by_hand(name):
    for cell in cells(name, "code"):
        assert "filterwarnings" not in source(cell)
        assert "simplefilter" not in source(cell)


def parsed(cell):
    """The syntax tree of a code cell; lines for the shell and for magics stand aside."""
    return ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source(cell), flags=re.M))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_page_says_is_checked_by_the_library_and_never_by_a_bare_assertion(name):
    """A bare ``assert`` stops a reader's build where floating point differs by the last bit."""
    nodes = [node for cell in cells(name, "code") for node in ast.walk(parsed(cell))]
    assert [ast.unparse(node) for node in nodes if isinstance(node, ast.Assert)] == []
    assert [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("assert")] == []
    code = "\n".join(source(cell) for cell in cells(name, "code"))
    assert CHECKED.search(code)
    assert f'page = Page("{name}")' in code.splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_claim_that_fails_can_be_seen_on_the_page(name):
    for cell in cells(name, "code"):
        if CHECKED.search(source(cell)):
            assert not {"remove-cell", "remove-output"} & set(tags(cell))


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_has_a_sentence_and_a_margin(name):
    calls = [
        node
        for cell in cells(name, "code")
        for node in ast.walk(parsed(cell))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("page.claim", "page.check")
    ]
    assert all(isinstance(call.args[0], ast.Constant | ast.JoinedStr) for call in calls)
    for call in calls:
        if call.func.attr == "claim":
            assert [keyword.arg for keyword in call.keywords] == ["margin"]
            assert call.args[2].value in ("<", ">", "~")


def imported(name):
    """Top-level modules that a notebook's cells import."""
    found = set()
    for cell in cells(name, "code"):
        for node in ast.walk(parsed(cell)):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_colab_gets_every_package_that_a_notebook_imports(name):
    """`book/colab.sh` installs the package with its extra `notebooks`, and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["notebooks"]
    installed = {re.match(r"[\w.-]+", line)[0].replace(".", "-").lower() for line in lines}
    owners = importlib.metadata.packages_distributions()
    for module in imported(name) - sys.stdlib_module_names - {"diarbook", "google", "IPython"}:
        packages = {owner.replace("_", "-").replace(".", "-").lower() for owner in owners.get(module, [])}
        assert packages & installed, f"{module} is of {packages or 'no installed package'}"
