import pytest
from tests.sphinx.small_book import BIBLIOGRAPHY, build

from diarbook.sphinx.measured import sentences_with_numbers


def test_sentences_with_numbers():
    text = "It has <3.4 %> of error. Nothing here, no <word>. The\nother: <5> or <6>."
    text = text.replace("<", "\ue000").replace(">", "\ue001")
    assert sentences_with_numbers(text) == [
        ("It has ", "3.4 %", " of error."),
        ("The other: ", "5", " or ", "6", "."),
    ]


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        ("| system | DER |\n|---|---|\n| ours | 12.3 % |\n| theirs | – |\n", ["ours"]),
        ("| system | DER |\n|---|---|\n| ours {cite:p}`park2022review` | 12.3 % |\n", []),
        ("| system | DER {cite:p}`park2022review` |\n|---|---|\n| ours | 12.3 % |\n", []),
        ("| system | parts |\n|---|---|\n| ours | 12 |\n", []),
        ("| system | recall at 10 |\n|---|---|\n| a | 1 |\n| b | 2 |\n", ["a", "b"]),
    ],
)
def test_a_typed_result_needs_a_source(tmp_path, table, faults):
    page = f"# T\n\n{table}\n\n{{cite:p}}`park2022review`\n\n```{{toctree}}\nb\n```\n"
    err, _ = build(tmp_path, index=page, b=BIBLIOGRAPHY)
    assert [name for name in ("ours", "theirs", "a", "b") if f"the row '{name}" in err] == faults
    assert err.count("gives a result without evidence or citation") == len(faults)
