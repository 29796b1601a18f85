"""The chooser, as questions with an answer that follows them, and as a table of every rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from docutils import nodes

import diarbook
from diarbook.errors import KnowledgeError
from diarbook.knowledge.chapters import subjects
from diarbook.knowledge.chooser import Question, Rule, choose, combinations, load_chooser, problems
from diarbook.knowledge.evidence import evidence_files
from diarbook.knowledge.landscape import KINDS, Entry, landscape_folder, load_landscape
from diarbook.knowledge.ontology import bibliography_keys
from diarbook.sphinx.base import WswDirective, joined, load_files_on, make_section, paragraph

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {kind: f"book/landscape/{kind.replace('_', '-')}" for kind in KINDS}


def form(questions: Sequence[Question], rules: Sequence[Rule]) -> str:
    """HTML of the questions, with the rules as JSON.

    The cards of the answers stand below in the page; the script shows the one that fits.
    """
    fields = []
    for question in questions:
        options = "".join(f'<option value="{escape(k)}">{escape(v)}</option>' for k, v in question.options.items())
        asked = f' data-for="{escape(" ".join(question.tasks))}"' if question.tasks else ""
        fields.append(
            f"<label{asked}><span>{escape(question.text)}</span>"
            f'<select data-question="{escape(question.id)}">{options}</select></label>'
        )
    data = [{"id": rule.id, "when": {key: list(value) for key, value in rule.when.items()}} for rule in rules]
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<form class="wsw-chooser" hidden>{"".join(fields)}</form>'
        f'<script type="application/json" class="wsw-chooser-rules">{text}</script>'
    )


class Chooser(WswDirective):
    """Questions, then every rule as a card; with a script only the card that fits is shown."""

    def run(self) -> list[nodes.Node]:  # noqa: D102
        folder = landscape_folder()
        for path in (*folder.glob("*.yaml"), folder / "schema" / "chooser.json"):
            self.note_file(path)
        self.mark_page("wsw_chooser")
        try:
            questions, rules = load_chooser()
            entries = {kind: {entry.id: entry for entry in load_landscape(kind)} for kind in KINDS}
        except KnowledgeError as error:
            self.warn(str(error))
            return []
        evidence = {path.stem for path in evidence_files()}
        written = [word for word, found in subjects().items() if not found.planned]
        if faults := problems(questions, rules, entries, written, bibliography_keys(), evidence):
            for fault in faults:
                self.warn(fault)
            return []
        cards = nodes.container(classes=["wsw-chooser-cards"])
        cards += [self.card(rule, questions, entries) for rule in rules]
        section = make_section(self.state.document, "All answers", "chooser-all-answers")
        section += cards
        return [nodes.raw("", form(questions, rules), format="html"), section]

    def card(
        self, rule: Rule, questions: Sequence[Question], entries: Mapping[str, Mapping[str, Entry]]
    ) -> nodes.container:
        """One rule: need, recommendation, reason, warning."""
        card = nodes.container(ids=[f"chooser-{rule.id}"], classes=["wsw-chooser-card"])
        card += paragraph(need(rule, questions, [rule]), classes=["wsw-chooser-need"])
        uses = []
        for use in rule.use:
            chapter = use.kind == "book"
            link = self.page_link(use.id) if chapter else self.entry_link(use.kind, entries[use.kind][use.id])
            uses.append(nodes.inline("", "this book's chapter " if chapter else "", link))
        card += paragraph(nodes.strong("", "Use "), *joined(uses), classes=["wsw-chooser-use"])
        reason: list[nodes.Node | str] = [nodes.strong("", "Because "), rule.because]
        if rule.evidence:
            proofs = (self.anchor_link("book/evidence", f"evidence-{name}", name) for name in rule.evidence)
            reason += [" Measured: ", *joined(proofs), "."]
        card += paragraph(*reason)
        card += paragraph(nodes.strong("", "Watch out "), rule.watch_out)
        if rule.sources:
            card += self.markdown(f"{{cite:p}}`{','.join(rule.sources)}`")
        return card

    def entry_link(self, kind: str, entry: Entry) -> nodes.Node:
        """Link to an entry's card on its page."""
        return self.anchor_link(PAGES[kind], f"landscape-{entry.id}", entry.name)


def need(rule: Rule, questions: Sequence[Question], rules: Sequence[Rule]) -> str:
    """The need that a rule answers, in the words of its questions."""
    answers = next(answers for answers in combinations(questions) if choose(rules, answers))
    parts = []
    for question in questions:
        if question.id in rule.when and question.id in answers:
            labels = " or ".join(question.options[option] for option in rule.when[question.id])
            parts.append(f"{question.text} {labels}" if not parts else f"{question.text}: {labels}")
    return "; ".join(parts)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("chooser", Chooser)
    app.connect("html-page-context", load_files_on("wsw_chooser", "wsw-chooser.js", "wsw-chooser.css"))
    return {"version": diarbook.__version__, "parallel_read_safe": True, "parallel_write_safe": True}
