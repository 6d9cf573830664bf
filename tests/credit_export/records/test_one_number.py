"""One number everywhere: pages, record, API, feed, package, paper, entries and the newest leaf tell the same hours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export import feed, records
from elearn.credit_export.exam_system import packages
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.paper import making
from elearn.people.models import Role
from tests.builders_credit import AN_ID, LEARNED_AT, Learner, a_learner_with_hours, an_outline
from tests.builders_people import an_account
from tests.conftest import ManualClock, scalar
from tests.hours import credit_all
from tests.pages.conftest import Browser

OUTLINE = "demo-outline"


def entries_ms(session: Session, learner: Learner) -> object:
    return scalar(
        session,
        "SELECT coalesce(sum(amount_ms), 0)::bigint FROM elearn.hours_entry WHERE person_id = :person",
        person=learner.person.id,
    )


def leaf_total_ms(session: Session, learner: Learner) -> object:
    """The running total that the newest leaf of the person carries: of the leaf's own bytes, not of a column."""
    raw = scalar(
        session,
        """SELECT l.raw FROM elearn.ledger_leaf l
           WHERE l.sub = (SELECT m.sub FROM elearn.ledger_leaf m
                          JOIN elearn.watched_span w ON w.id = m.watched_span_id
                          WHERE w.learner_id = :person LIMIT 1)
           ORDER BY l.n DESC LIMIT 1""",
        person=learner.person.id,
    )
    return json.loads(str(raw))["total"]


def told_by_api(client: FlaskClient, session: Session) -> Callable[[], list[dict[str, Any]]]:
    """The hours as the question about a person and the last line of the feed tell them."""
    made = add_receiver(
        session, name="Exam centre", outlines=[OUTLINE], scopes=SCOPES, made_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    session.commit()
    answer = client.post(
        "/exam/v1/token", data={"grant_type": "client_credentials"}, auth=(made.client_id, made.secret)
    )
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}  # type: ignore[index]

    def ask() -> list[dict[str, Any]]:
        person = {"document_kind": "resident_id", "document_number": AN_ID}
        checked: Any = client.post(
            "/exam/v1/eligibility:check", json={"person": person, "category": OUTLINE}, headers=headers
        ).json
        changes: Any = client.get("/exam/v1/changes", headers=headers).json
        return [checked["record"]["hours"], changes["changes"][-1]["record"]["hours"]]

    return ask


def on_page(page: str) -> str:
    """学时 of theory as a page shows them."""
    found = re.search(r"Theory (\d+\.\d) / 24", page)
    assert found is not None, page
    return found[1]


def newest(session: Session, learner: Learner) -> EligibilityRecord:
    (record,) = records.newest_records(session, [learner.person.id]).values()
    return record


@pytest.mark.parametrize("take_back", [False, True], ids=["only earned", "some of it taken back"])
def test_every_place_tells_the_same_hours(
    session: Session,
    client: FlaskClient,
    app: Flask,
    clock: ManualClock,
    take_back: bool,
) -> None:
    clock.now = LEARNED_AT
    clock.advance(24 * 3_600_000)
    an_outline(session, code=OUTLINE)
    learner = a_learner_with_hours(session, ms=1_234_567, outline=OUTLINE)
    voided = learner.watch(ms=765_433)
    ask = told_by_api(client, session)
    credit_all(session, now=clock.now)
    if take_back:
        learner.void(voided)
        credit_all(session, now=clock.now)
    records.record_person(session, learner.person.id, now=clock.now)
    session.commit()
    ms = 1_234_567 if take_back else 2_000_000
    text = "0.6" if take_back else "1.1"
    record = newest(session, learner)
    assert [
        entries_ms(session, learner),
        leaf_total_ms(session, learner),
        record.hours["online_theory_ms"],
        feed.feed(session, [OUTLINE], 0, 100)[-1].record.hours["online_theory_ms"],
        *[hours["online_theory_ms"] for hours in ask()],
    ] == [ms] * 6
    worker = Browser(app, session, an_account(session, person=learner.person))
    auditor = Browser(app, session, an_account(session, Role.AUDITOR))
    assert [
        on_page(worker.page("/hours")),
        on_page(worker.page(f"/hours/{record.outline_id}")),
        on_page(auditor.page(f"/eligibility/{record.id}")),
        *[hours["online_theory"] for hours in ask()],
        packages.fields_of(session, [record])[record.id]["online_theory"],
        making.hours_data(record)["online_theory"],
    ] == [text] * 7
    assert f"{text} / 24" in auditor.page("/eligibility?show=short")
