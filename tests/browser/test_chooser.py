"""The chooser of the built book in Chromium: by keyboard, at both widths, and without scripts."""

from __future__ import annotations

import pytest
from tests.pages import HTML

from diarbook.knowledge.chooser import choose, combinations, load_chooser

pytestmark = [pytest.mark.browser, pytest.mark.book]

PAGE = (HTML / "book" / "landscape" / "chooser.html").as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_answer_is_the_library_s(browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(PAGE)
    questions, rules = load_chooser()
    for answers in list(combinations(questions))[:: 1 if width == 1280 else 5]:
        for name, option in answers.items():
            page.locator(f"select[data-question={name}]").select_option(option)
        assert page.locator(".wsw-chooser-answer").get_attribute("data-rule") == choose(rules, answers).id
        assert set(answers) == {
            one.get_attribute("data-question") for one in page.locator(".wsw-chooser select").all() if one.is_visible()
        }
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1")
    page.close()


def test_by_keyboard(browser):
    page = browser.new_page()
    page.goto(PAGE)
    before = page.locator(".wsw-chooser-answer").get_attribute("data-rule")
    page.locator("select[data-question=task]").focus()
    page.keyboard.press("End")
    assert page.locator(".wsw-chooser-answer").get_attribute("data-rule") != before
    assert page.locator(".wsw-chooser-answer").get_attribute("aria-live") == "polite"
    page.close()


def test_without_scripts_every_rule_is_there(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(PAGE)
    assert page.locator(".wsw-chooser-cards .wsw-chooser-card").count() == len(load_chooser()[1])
    assert not page.locator("form.wsw-chooser").is_visible()
    context.close()
