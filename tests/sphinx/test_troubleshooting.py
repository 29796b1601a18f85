from tests.sphinx.small_book import API, BIBLIOGRAPHY, GLOSSARY, build

from diarbook.knowledge.troubleshooting import GROUPS, load_messages, load_pains, thread_address, troubleshooting_file


def test_the_page_shows_every_entry_once(tmp_path):
    index = "# F\n\n```{toctree}\np\napi\nb\nglossary\n```\n"
    page = "\n\n".join(f"```{{{name}}}\n```" for name in (
        "troubleshooting-messages", "troubleshooting-symptoms", "troubleshooting", "diarbook-messages",
    ))  # fmt: skip
    err, html = build(tmp_path, index=index, p=f"# P\n\n{page}\n", api=API, b=BIBLIOGRAPHY, glossary=GLOSSARY)
    assert err == ""
    shown, pains = html["p"], load_pains(troubleshooting_file())
    for pain in pains:
        assert shown.count(f'id="pain-{pain.id}"') == 1
        # The list of symptoms leads there, and so does each message.
        assert shown.count(f'href="#pain-{pain.id}"') >= 1 + len(pain.messages)
        for thread in pain.threads:
            assert thread_address(thread) in shown
    for title in GROUPS.values():
        assert f"{title}<" in shown
    assert shown.count("<tr ") >= len(load_messages(troubleshooting_file())) + sum(len(pain.messages) for pain in pains)
