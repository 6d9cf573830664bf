"""One story everywhere: pull, feed, push, package, paper and badge say the same of what a record rests on."""

from __future__ import annotations

from datetime import date
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Unit
from elearn.credit_export import exam_targets, feed
from elearn.credit_export.exam_system import answers, blocks, packages
from elearn.credit_export.exam_system.answers import Desk, Telling
from elearn.credit_export.exam_system.mapping import default_profile
from elearn.credit_export.exam_system.openapi import SCHEMAS
from elearn.credit_export.exam_system.receivers import MOBILE, SCOPES, add_receiver
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.findings import stating
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.findings.stating import About, Paper
from elearn.credit_export.models import EligibilityRecord, Receiver
from elearn.credit_export.paper import making, sheets, standing
from elearn.people import organisations, persons
from elearn.people.models import EmploymentKind
from elearn.people.registry import local_day
from elearn.tracking.models import Report, Sitting
from elearn.tracking.verifier import Refusal
from tests.builders_people import KEYS, an_account, an_organisation
from tests.conftest import scalar
from tests.credit_export.findings.test_stating import TARGETS
from tests.credit_export.records.an_office import NOW, Office, an_office, take_back

NUMBER = "S000123456789"
PHONE = "19912345678"


def a_desk(session: Session, *scopes: str) -> Desk:
    made = add_receiver(session, name="Exam centre", outlines=["short"], scopes=[*SCOPES, *scopes], made_at=NOW)
    receiver = session.scalars(sa.select(Receiver).where(Receiver.client_id == made.client_id)).one()
    return Desk(receiver, frozenset({"short"}), KEYS, Signer.from_seed(b"s" * 32), "https://hours.example", NOW)


@pytest.fixture
def office(session: Session) -> Office:
    return an_office(session)


@pytest.fixture
def exempt(office: Office, session: Session) -> EligibilityRecord:
    """Of somebody with a certificate, an employer, a phone, and a name for what they are trained for."""
    assert office.on_site is not None
    take_back(session, office.on_site)
    person = office.learner.person
    firm = an_organisation(session)
    organisations.join(session, person.id, firm.id, EmploymentKind.DISPATCHED, date(2026, 1, 1), at=NOW)
    an_account(session, person=person, phone=PHONE)
    exam_targets.load(session, exam_targets.read_targets(TARGETS), by="test", at=NOW)
    finding = stating.state(
        session, Kind.SKILL_CERTIFICATE, About(person_id=person.id), paper=Paper("short", "电工 三级", NUMBER),
        from_on=local_day(NOW), note="seen", caller=office.clerk, keys=KEYS, at=NOW,
    )  # fmt: skip
    stating.answer(session, finding.id, confirm=True, note="", caller=office.officer, at=NOW)
    return office.granted()


def told(session: Session, record: EligibilityRecord, desk: Desk) -> dict[str, Any]:
    return answers.told(session, [answers.now_of(session, record)], desk, door="eligibility:check")[0]


def row_of(session: Session, record: EligibilityRecord, desk: Desk) -> dict[str, Any]:
    (row,) = packages.rows_of(session, [record.id], desk, reason="package")
    return row


def test_every_way_out_says_the_same(session: Session, exempt: EligibilityRecord) -> None:
    desk = a_desk(session)
    one = told(session, exempt, desk)
    last = feed.feed(session, ["short"], 0, 100)[-1]
    assert answers.told(session, [Telling.of_change(last)], desk, door="changes")[0] == one
    row = row_of(session, exempt, desk)
    assert one["basis"] == {
        "kind": "exempt_skill_certificate",
        "paper": "电工 三级",
        "number": NUMBER,
        "checked_by": ["institution", "regulator"],
    }
    assert one["target"]["training_type_code"] == 1
    assert one["employers"][0]["employment_type"] == "dispatched"
    assert one["granted_by"] == "platform"
    assert (one["rule_set_id"], one["rules"].split(";")[0]) == (row["rule_set_id"], row["rule_set_id"])
    for name, said in one["target"].items():
        column = {"training_type_code": "training_type", "training_kind": None}.get(name, name)
        assert column is None or row[column] == said, name
    assert [row[name] for name in ("basis", "certificate", "certificate_number")] == [
        one["basis"][name] for name in ("kind", "paper", "number")
    ]
    assert row["employer"] == [firm["name"] for firm in one["employers"]]
    assert (row["class_from"], row["class_to"]) == (one["training"]["date_start"], one["training"]["date_end"])
    assert [row[name] for name in ("name", "gender", "mobile")] == [
        one["person"][name] for name in ("name", "gender", "mobile")
    ]
    profile = default_profile()
    columns = dict(zip([column.id for column in profile.columns], profile.row(row), strict=True))
    wanted = ("ZGLX_NAME", "ZYLB_NAME", "CZXM_CODE", "PX_TYPE_CODE", "EMPLOYMENT", "BASIS")
    assert [columns[name] for name in wanted] == [
        "特种作业人员", "电工作业", "0101", "1", "劳务派遣", "职业技能等级证书",
    ]  # fmt: skip
    proof = standing.make_proof(session, exempt.id, at=NOW)
    shown = standing.look_up(session, proof.code)
    assert shown is not None
    house = making.House(KEYS, "https://hours.example", lambda _session, _person: [])
    sheet = making.gathered(session, shown, house, at=NOW)
    assert (sheet.basis, sheet.paper) == (one["basis"]["kind"], one["basis"]["paper"])
    assert list(sheet.employers) == row["employer"]
    assert sheet.target == "特种作业人员 · 电工作业 · 低压电工作业 (0101)"
    badge = making.badge_of(session, shown, house, issuer_name="x")
    assert sheets.basis_text(sheet.basis, sheet.paper, sheets.speaker("zh")) in badge.outcome
    assert NUMBER not in str(sheets.proof_data(sheet, "zh")), "a number leaves to receivers, not on every paper"


def test_what_is_told_is_as_the_description_says(session: Session, exempt: EligibilityRecord) -> None:
    data = told(session, exempt, a_desk(session, MOBILE))
    schema = {**SCHEMAS["Record"], "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema).validate(data)
    assert set(data) == set(SCHEMAS["Record"]["properties"])
    for block in ("training", "uncredited_ms", "checks"):
        assert set(data[block]) == set(SCHEMAS["Record"]["properties"][block]["properties"]), block


def test_a_phone_number_leaves_to_who_was_given_it_and_that_is_written_down(
    session: Session, exempt: EligibilityRecord
) -> None:
    def disclosed(what: str) -> object:
        return scalar(session, "SELECT count(*) FROM elearn.disclosure WHERE what = :what", what=what)

    assert told(session, exempt, a_desk(session))["person"]["mobile"] is None
    assert (disclosed("phone number"), disclosed("certificate number")) == (0, 1)
    desk = a_desk(session, MOBILE)
    assert told(session, exempt, desk)["person"]["mobile"] == row_of(session, exempt, desk)["mobile"] == f"+86{PHONE}"
    assert disclosed("phone number") == 2


def test_after_erasure_nothing_of_the_person_is_told_and_the_record_stays(
    session: Session, exempt: EligibilityRecord
) -> None:
    persons.erase_person(session, exempt.person_id, at=NOW)
    data = told(session, exempt, a_desk(session, MOBILE))
    assert set(data["person"].values()) == {None}
    assert (data["basis"]["paper"], data["basis"]["number"]) == ("电工 三级", None)
    assert NUMBER not in str(data)
    assert "19912345678" not in str(data)


def test_a_version_of_before_says_what_it_kept() -> None:
    """Built and never stored: a version as the ones before this were written."""
    firm = {"name": "x", "credit_code": None, "region": None}
    old = EligibilityRecord(facts={"employers": [{**firm, "employment": "employee"}]}, rules="cn-aq8011-2023; short@1")
    assert blocks.employers_of(old) == [{**firm, "employment_type": "regular"}]
    assert set(blocks.target_of(old).values()) == {None}
    assert blocks.basis_told(old, {}) == {"kind": "hours"}
    assert blocks.employers_of(EligibilityRecord(facts={})) is None


def test_time_that_did_not_count_is_told_by_reason(office: Office, session: Session) -> None:
    sitting = session.scalars(sa.select(Sitting).where(Sitting.learner_id == office.learner.person.id).limit(1)).one()
    duration = session.get_one(Unit, sitting.unit_id).duration_ms
    refused = [
        [0, 10_000, Refusal.HIDDEN.value],
        [10_000, 15_000, Refusal.FORWARD_SEEK.value],
        [duration - 1_000, duration + 99_000, Refusal.RATE.value],
        [0, 10_000, Refusal.ALREADY_CREDITED.value],
    ]
    session.add(
        Report(
            sitting_id=sitting.id, seq=0, sha256=b"x" * 32, nonce="n", statement_id=sitting.id, tau_ms=1,
            sent_cm_ms=1, chain_broken=False, credited=[], refused=refused,
        )
    )  # fmt: skip
    session.flush()
    office.earn(60_000)
    told_ms = {name: ms for name, ms in office.record().facts["uncredited_ms"].items() if ms}
    assert told_ms == {"hidden": 10_000, "jumped_ahead": 5_000, "too_fast": 1_000}
