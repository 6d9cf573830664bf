"""Forms that are filled in wrongly: what was typed stays, what is wrong stands above the form and leads to its field.

The forms are those that the pages of the address map show, each sent once with words in every field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask
from sqlalchemy.orm import Session

from elearn.pages.forms import Form
from elearn.people.models import Account
from tests import builders_courses as courses
from tests.builders_training import a_works
from tests.pages.conftest import Browser, World
from tests.pages.test_states import staffed

TYPED = "字"
"""Too short for some fields, no number, no day and no code for others."""
NEVER_SHOWN_AGAIN = frozenset({"password", "hidden", "file", "checkbox", "radio", "submit"})


@dataclass
class Sent:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """The forms of a page that change something and have something to type; and all ids of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Sent] = []
        self.ids: set[str] = set()
        self.focused: list[str] = []
        self.values: dict[str, str] = {}
        """Of what a person can type into: name -> what stands there."""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if "id" in said:
            self.ids.add(said["id"])
        if "autofocus" in said:
            self.focused.append(said.get("id", "?"))
        if tag == "form":
            self.found.append(Sent(said.get("action", ""), {} if said.get("method") == "post" else {"": ""}))
        name = said.get("name", "")
        if not name or not self.found:
            return
        if tag == "textarea" or (tag == "input" and said.get("type", "text") not in NEVER_SHOWN_AGAIN):
            self.found[-1].typed.add(name)
            self.values[name] = said.get("value", "")
            self._area = name if tag == "textarea" else ""
        elif tag == "input" and said.get("type") in ("hidden", "password"):
            self.found[-1].fields[name] = said.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] = data.strip()
            self._area = ""


def read(html: str) -> Forms:
    found = Forms()
    found.feed(html)
    return found


def test_what_was_typed_stays_and_each_wrong_field_is_led_to(app: Flask, session: Session) -> None:
    works = a_works(session)
    outline = courses.an_outline(session)
    course = courses.a_course(session, works.school.id, outline=outline)
    named = {
        "course": course.id,
        "lesson": courses.a_lesson(session, course).id,
        "training_class": courses.a_class(session, works.school.id, outline).id,
        "membership": works.hire(unit=works.enterprise).id,
        "training_programme": works.programme().id,
    }
    session.commit()
    everybody, tried, wrong = staffed(app, session, works.enterprise.id, works.school.id, named), set(), []
    for endpoint, path, role in everybody.pages(app, most=5):
        browser = everybody.browsers[role]
        page = browser.get(path)
        forms = read(page.text).found if page.mimetype == "text/html" and page.status_code == 200 else []
        page.close()
        for form in forms:
            where = form.action or path
            if "" in form.fields or not form.typed or (key := re.sub(r"[0-9a-f-]{36}", "", where)) in tried:
                continue
            tried.add(key)
            wrong += [(endpoint, where, one) for one in wrong_about(form, where, browser)]
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(tried) > 25, "forms with something to type"


def wrong_about(form: Sent, where: str, browser: Browser) -> list[str]:
    """What is wrong about the answer to a form that was filled in wrongly."""
    typed = dict.fromkeys(form.typed, TYPED)
    answer = browser.post(where, {**form.fields, **typed, "csrf_token": browser.token})
    if answer.status_code < 400:
        return []  # words were right there
    if answer.mimetype != "text/html" or answer.status_code >= 500:
        return [f"answers {answer.status_code} {answer.mimetype}"]
    after = read(answer.text)
    summary = answer.text.partition('class="notice bad summary"')[2].partition("</ul>")[0]
    links = re.findall(r'href="#([^"]+)"', summary)
    if not links:
        return [f"{answer.status_code} without a summary"] if answer.status_code == 422 else []
    found = [f"leads to nothing: {one}" for one in links if one not in after.ids]
    found += [f"is emptied: {one}" for one in sorted(form.typed & after.values.keys()) if after.values[one] != TYPED]
    if len(after.focused) > 1:
        found.append(f"more than one focus: {after.focused}")
    if after.focused and after.focused[0] not in links:
        found.append(f"focus on {after.focused}, which is not wrong")
    return found


def test_what_is_wrong_is_told_above_the_form_by_the_name_of_its_field(
    world: World, browser: Callable[[Account | None], Browser]
) -> None:
    answer = browser(world.clerk).post("/people/new", {"organisation": str(world.enterprise.id)})
    assert answer.status_code == 422
    summary = answer.text.partition('class="notice bad summary"')[2].partition("</ul>")[0]
    assert '<a href="#name">Name: Please fill this in.</a>' in summary
    assert "notice bad summary" not in browser(world.clerk).get("/people/new").text, "nothing is wrong yet"


def test_the_first_wrong_field_that_a_page_comes_to_has_the_focus() -> None:
    form = Form(errors={"second": "x", "first": "y"})
    assert [name for name in ("zeroth", "first", "second") if form.leads(name)] == ["first"]
