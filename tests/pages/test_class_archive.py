"""Pages of archives and signatures: whole stories, every wrong form, both languages, nobody sees another's."""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.credit_export.archive import making, signing
from elearn.credit_export.archive.models import ArchiveTaken, HoursSignature
from elearn.credit_export.archive.verifying import verify
from elearn.people.models import Account, Disclosure, Organisation, Person, Role
from tests.builders_people import an_account
from tests.conftest import ManualClock
from tests.credit_export.archive.school import (
    NOW,
    ON_SITE_MS,
    ONLINE_MS,
    SIGNER,
    Archived,
    a_drawing,
    an_archived_class,
)
from tests.hours import credit_all
from tests.pages.conftest import Browser, text_of
from tests.tracking.presence.authenticator import Authenticator, base64url
from tests.tracking.presence.test_webauthn import register

DRAWN = urlsafe_b64encode(a_drawing()).rstrip(b"=").decode()


@dataclass
class Desk:
    archived: Archived
    learner: Account
    manager: Account
    browser: Callable[[Account | None], Browser]
    session: Session

    @property
    def page(self) -> str:
        return f"/archives/{self.archived.held.id}"

    @property
    def sign(self) -> str:
        return f"/hours/classes/{self.archived.held.id}"

    def digest(self) -> str:
        person = self.archived.learners[0]
        return signing.to_sign(self.session, self.archived.held.id, person, now=NOW).had.digest

    def somebody(self, role: Role, **where: object) -> Browser:
        account = an_account(self.session, role, **where)  # type: ignore[arg-type]
        self.session.commit()
        return self.browser(account)

    def signatures(self) -> int:
        return len(self.session.scalars(sa.select(HoursSignature.id)).all())


@pytest.fixture
def desk(session: Session, clock: ManualClock, browser: Callable[[Account | None], Browser]) -> Desk:
    clock.now = NOW
    archived = an_archived_class(session)
    session.get_one(Organisation, archived.held.institution_id).region = "530100"
    learner = an_account(session, person=session.get_one(Person, archived.learners[0]))
    session.commit()
    return Desk(archived, learner, archived.school.manager, browser, session)


def test_a_learner_signs_and_the_class_is_told(desk: Desk) -> None:
    learner = desk.browser(desk.learner)
    assert "The class is over: look at your hours and sign them" in learner.page("/")
    page = learner.page(desk.sign)
    assert "4 min" in page
    assert "1 h 30 min" in page
    assert "not signed" in page
    sent = learner.post(desk.sign, {"digest": desk.digest(), "drawing": DRAWN})
    assert sent.status_code == 303, text_of(sent)
    page = learner.page(sent.location)
    assert "You have signed this" in page
    assert desk.digest()[:32] in page
    assert "My hours in this class, and my signature" in learner.page("/")
    manager = desk.browser(desk.manager)
    page = manager.page(desk.page)
    assert "Learners who have not signed: 1" in page
    assert "0.1 2.0 0.0" in page, "online, on site, practice of the first"
    assert "To be kept until Jul 10, 2032" in page
    assert "1 / 2" in manager.page("/archives")


def test_after_a_change_it_is_signed_again(desk: Desk) -> None:
    learner = desk.browser(desk.learner)
    old = desk.digest()
    learner.post(desk.sign, {"digest": old, "drawing": DRAWN})
    desk.archived.watching[0].watch(ms=30_000, heard_at=NOW)
    credit_all(desk.session, now=NOW)
    assert "Something changed since you signed" in learner.page(desk.sign)
    late = learner.post(desk.sign, {"digest": old, "drawing": DRAWN})
    assert late.status_code == 303
    assert "Your hours changed since you opened this page" in learner.page(late.location)
    assert desk.signatures() == 1
    learner.post(desk.sign, {"digest": desk.digest(), "drawing": DRAWN})
    assert desk.signatures() == 2


def test_without_a_script_nothing_is_signed_and_the_page_says_so(desk: Desk) -> None:
    learner = desk.browser(desk.learner)
    answer = learner.get(desk.sign)
    assert "A typed name is not a signature and is not taken." in answer.text
    assert answer.text.count("data-sign-hand hidden") == 1
    for form in ({}, {"name": "李明"}, {"signature": "李明", "drawing": ""}):
        sent = learner.post(desk.sign, {"digest": desk.digest(), **form})
        assert sent.status_code == 422
        assert "A typed name is not a signature." in text_of(sent)
    assert desk.signatures() == 0


WRONG = [
    ("no digest", {"drawing": DRAWN}, 400),
    ("a digest of another form", {"digest": "x", "drawing": DRAWN}, 400),
    ("no picture", {"drawing": "aGVsbG8"}, 422),
    ("no base64", {"drawing": "%%%"}, 422),
    ("an empty field", {"drawing": urlsafe_b64encode(a_drawing(())).decode()}, 422),
    ("another digest", {"digest": "0" * 64, "drawing": DRAWN}, 303),
]


def test_every_wrong_form_is_told_and_nothing_is_kept(desk: Desk) -> None:
    learner, chinese = desk.browser(desk.learner), {"Accept": "text/html", "Accept-Language": "zh"}
    for name, form, status in WRONG:
        whole = {"digest": desk.digest(), **form} if name != "no digest" else form
        assert learner.post(desk.sign, dict(whole)).status_code == status, name
    learner._forget()
    sent = learner.client.post(
        desk.sign, data={"csrf_token": learner.token, "digest": desk.digest(), "drawing": "aGVsbG8"}, headers=chinese
    )
    learner._forget()
    assert "手写" in sent.text
    assert desk.signatures() == 0


def by_key(learner: Browser, desk: Desk, body: object) -> TestResponse:
    return learner.client.post(f"{desk.sign}/key", json=body, headers={"X-CSRFToken": learner.token})


def test_a_learner_signs_with_the_lock_of_the_phone(desk: Desk) -> None:
    phone = Authenticator()
    register(desk.session, desk.learner.person_id, phone)
    desk.session.commit()
    learner = desk.browser(desk.learner)
    digest = desk.digest()
    assert f'data-challenge="{base64url(bytes.fromhex(digest))}"' in learner.get(desk.sign).text
    said = phone.answer(base64url(bytes.fromhex(digest)))
    for body, status in (
        ({}, 400), ({"digest": "x", "assertion": said}, 400), ({"digest": digest, "assertion": {}}, 400),
        ({"digest": "0" * 64, "assertion": said}, 409),
        ({"digest": digest, "assertion": phone.answer(base64url(bytes(32)))}, 409),
    ):  # fmt: skip
        assert by_key(learner, desk, body).status_code == status
    assert desk.signatures() == 0
    made = by_key(learner, desk, {"digest": digest, "assertion": said})
    assert (made.status_code, made.json and made.json["number"]) == (201, 1)
    assert "by the lock of your device" in learner.page(desk.sign)


def test_nobody_signs_before_the_last_day(desk: Desk, clock: ManualClock) -> None:
    learner = desk.browser(desk.learner)
    desk.archived.held.ends_on = None
    desk.session.commit()
    assert "The class has no last day yet." in learner.page(desk.sign)
    sent = learner.post(desk.sign, {"digest": desk.digest(), "drawing": DRAWN})
    assert "it is signed from its last day on" in learner.page(sent.location)
    assert desk.signatures() == 0
    assert "The class has no last day" in desk.browser(desk.manager).page(desk.page)


def test_who_takes_an_archive_gets_a_whole_one_and_is_written_down(desk: Desk) -> None:
    officer = desk.somebody(Role.REGULATOR_OFFICER, region="530000")
    auditor = desk.somebody(Role.AUDITOR)
    for taker in (desk.browser(desk.manager), officer, auditor):
        answer = taker.get(f"{desk.page}/archive.zip")
        assert answer.status_code == 200, text_of(answer)
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=archive-")
        found = verify(io.BytesIO(answer.data), thumbprint=SIGNER.kid)
        assert found.total_ms == 2 * (ONLINE_MS + ON_SITE_MS)
    assert len(desk.session.scalars(sa.select(ArchiveTaken)).all()) == 3
    told = desk.session.scalars(sa.select(Disclosure.receiver).where(Disclosure.what == making.WHAT)).all()
    assert sorted(one.split("(")[1] for one in told) == sorted(
        2 * ["auditor)", "institution_manager)", "regulator_officer)"]
    )
    assert "Who took it" in auditor.page(desk.page)


def test_an_archive_is_nobodys_who_does_not_hold_the_class(desk: Desk) -> None:
    other_region = desk.somebody(Role.REGULATOR_OFFICER, region="360000")
    stranger = desk.somebody(Role.LEARNER)
    for address in (desk.page, f"{desk.page}/archive.zip"):
        assert other_region.get(address).status_code == 404
        assert stranger.get(address).status_code == 403
    assert other_region.post(f"{desk.page}/copy").status_code == 404
    assert desk.somebody(Role.AUDITOR).post(f"{desk.page}/copy").status_code == 403
    assert stranger.get(desk.sign).status_code == 404
    assert stranger.post(desk.sign, {"digest": "0" * 64, "drawing": DRAWN}).status_code == 404
    assert desk.browser(desk.manager).get(f"/archives/{uuid4()}").status_code == 404
    assert "Nothing here" in other_region.page("/archives")
    assert desk.session.scalars(sa.select(ArchiveTaken)).all() == []


def test_a_large_class_is_asked_for_and_taken_when_it_is_ready(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    monkeypatch.setattr(making, "AT_ONCE", 1)
    manager = desk.browser(desk.manager)
    assert "Have a copy made" in manager.page(desk.page)
    assert manager.get(f"{desk.page}/archive.zip").status_code == 404
    assert manager.post(f"{desk.page}/copy").status_code == 303
    assert "A copy is being made." in manager.page(desk.page)
    asked = making.newest_prepared(desk.session, desk.archived.held.id)
    assert asked is not None
    making.make_prepared(archive_id=str(asked.id))
    assert "Download (ZIP)" in manager.page(desk.page)
    assert verify(io.BytesIO(manager.get(f"{desk.page}/archive.zip").data)).entries == 4


def test_what_need_not_be_kept_is_a_list(desk: Desk, clock: ManualClock) -> None:
    manager = desk.browser(desk.manager)
    assert "Nothing here" in manager.page("/archives?show=due")
    assert manager.get("/archives?show=else").status_code == 404
    clock.now = NOW.replace(year=2033)
    manager = desk.browser(desk.manager)
    assert "Nothing is deleted by itself." in manager.page("/archives?show=due")
    assert desk.archived.held.class_no in manager.page("/archives?show=due")
    assert "Nothing asks for it any longer." in manager.page(desk.page)


def test_the_pages_speak_chinese(desk: Desk) -> None:
    for account, address, told in (
        (desk.learner, desk.sign, "键入的姓名不是签名"),
        (desk.manager, desk.page, "此前不会删除任何内容"),
        (desk.manager, "/archives", "一班一档"),
    ):
        browser = desk.browser(account)
        browser._forget()
        found = browser.client.get(address, headers={"Accept": "text/html", "Accept-Language": "zh"})
        browser._forget()
        assert told in found.text, address
