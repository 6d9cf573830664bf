"""Every page against every role: who sees it, who may not, for whom it does not exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from elearn.people.models import Account
from tests.pages.conftest import Browser, World

EVERYBODY = ("nobody", "worker", "stranger", "manager", "other_manager", "clerk", "other_clerk", "operator", "auditor")

PAGES = {
    # path: who sees it; who is told it does not exist. All others may not (403); nobody signed in goes to sign in.
    "/": (set(EVERYBODY), set()),
    "/hours": (set(EVERYBODY), set()),
    "/learn": (set(EVERYBODY), set()),
    "/me": (set(EVERYBODY), set()),
    "/courses/{course}": ({"worker"}, set(EVERYBODY)),
    "/learn/{unit}": ({"worker"}, set(EVERYBODY)),
    "/learn/{unit}/counted": ({"worker"}, set(EVERYBODY)),
    "/audit/sittings": ({"auditor"}, set()),
    "/audit/people/{worker}": ({"auditor"}, set()),
    "/teaching": ({"manager", "other_manager"}, set()),
    "/teaching/courses/new": ({"manager", "other_manager"}, set()),
    "/teaching/courses/{course}": ({"manager"}, {"other_manager"}),
    "/teaching/lessons/{lesson}": ({"manager"}, {"other_manager"}),
    "/teaching/lessons/{lesson}?unit={unit}": ({"manager"}, {"other_manager"}),
    "/teaching?organisation={institution}": ({"manager"}, {"other_manager"}),
    "/catalogue": (set(EVERYBODY), set()),
    "/catalogue/{course}": (set(EVERYBODY), set()),
    "/teaching/courses/{course}/about": ({"manager"}, {"other_manager"}),
    "/teaching/units/{unit}/preview": ({"manager"}, {"other_manager"}),
    "/teaching/reviews": ({"manager", "other_manager"}, set()),
    "/teaching/packages/new": ({"manager", "other_manager"}, set()),
    "/teaching/classes": ({"manager", "other_manager"}, set()),
    "/teaching/classes/new": ({"manager", "other_manager"}, set()),
    "/teaching/classes/{held}": ({"manager", "operator", "auditor"}, {"other_manager"}),
    "/teaching/classes/{held}/plan": ({"manager", "operator", "auditor"}, {"other_manager"}),
    "/teaching/classes/{held}/notice": ({"manager", "operator", "auditor"}, {"other_manager"}),
    "/classes": ({"operator", "auditor"}, set()),
    "/archives": ({"manager", "other_manager", "auditor"}, set()),
    "/archives/{held}": ({"manager", "auditor"}, {"other_manager"}),
    "/hours/classes/{held}": ({"worker"}, set(EVERYBODY)),
    "/teaching/questions": ({"manager", "other_manager"}, set()),
    "/teaching/questions/new": ({"manager", "other_manager"}, set()),
    "/teaching/questions/import": ({"manager", "other_manager"}, set()),
    "/teaching/questions/export?format=qti": ({"manager", "other_manager"}, set()),
    "/teaching/tests": ({"manager", "other_manager"}, set()),
    "/tests": (set(EVERYBODY), set()),
    "/tests/wrong": (set(EVERYBODY), set()),
    "/people": ({"manager", "other_manager", "clerk", "other_clerk"}, set()),
    "/people?organisation={enterprise}": ({"clerk"}, {"manager", "other_manager", "other_clerk"}),
    "/people/new": ({"manager", "other_manager", "clerk", "other_clerk"}, set()),
    "/people/{worker}/reset": ({"clerk"}, {"manager", "other_manager", "other_clerk"}),
    "/review": ({"manager", "other_manager", "operator", "auditor"}, set()),
    "/review?show=closed": ({"manager", "other_manager", "operator", "auditor"}, set()),
    "/appeals": (set(EVERYBODY), set()),
    "/appeals/new?unit={unit}": (set(), set(EVERYBODY)),
    "/eligibility": ({"manager", "other_manager", "operator", "auditor"}, set()),
    "/eligibility?show=granted": ({"manager", "other_manager", "operator", "auditor"}, set()),
    "/findings": ({"manager", "other_manager", "operator", "auditor"}, set()),
    "/findings/new": ({"operator"}, {"manager", "other_manager"}),
    "/rules": (set(EVERYBODY), set()),
    "/why-not": (set(EVERYBODY), set()),
    "/why-not?person={worker}": ({"worker", "manager", "operator", "auditor"}, set(EVERYBODY)),
    "/hours/{outline}": (set(), set(EVERYBODY)),
    "/receivers": ({"operator", "auditor"}, set()),
    "/receivers/new": ({"operator"}, set()),
    "/log": ({"operator", "auditor"}, set()),
    "/record-store": ({"operator", "manager", "other_manager", "auditor"}, set()),
    "/record-store/keys/new": ({"operator", "manager", "other_manager"}, set()),
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_seen_by_whom_it_is_for(
    path: str, world: World, browser: Callable[[Account | None], Browser]
) -> None:
    sees, finds_nothing = PAGES[path]
    address = path.format(
        course=world.course.id,
        lesson=world.lesson.id,
        unit=world.unit.id,
        held=world.held.id,
        outline=world.outline.id,
        institution=world.institution.id,
        enterprise=world.enterprise.id,
        worker=world.worker.person_id,
    )
    answers = {}
    for name in EVERYBODY:
        account = None if name == "nobody" else world.account(name)
        answers[name] = browser(account).get(address).status_code
    wanted = {name: 200 if name in sees else 404 if name in finds_nothing else 403 for name in EVERYBODY}
    wanted["nobody"] = 303
    assert answers == wanted
