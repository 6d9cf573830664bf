"""A proof under a random code, what is true of it when somebody looks, and the doors that readers of badges ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openbadgeslib.ob3.status import decode_encoded_list, set_indices
from sqlalchemy.orm import Session

from elearn.credit_export.lifecycle import State
from elearn.credit_export.paper import standing
from elearn.credit_export.paper.standing import CODE, Now, ended_bits, look_up, make_proof
from elearn.db import db
from elearn.pages.proofs import MOST_LOOKS
from elearn.people import persons
from elearn.people.models import Person
from tests.builders_people import an_account, signed_in
from tests.conftest import ManualClock, scalar, statements
from tests.credit_export.exam_system.builders import MADE_AT, School, a_record, a_school, step_to
from tests.credit_export.paper.reading import codes_of, text_of
from tests.credit_export.paper.test_badges import claims_of


@pytest.fixture
def school(session: Session) -> School:
    return a_school(session)


def test_a_version_has_one_proof_however_often_it_is_asked_for(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id)
    first = make_proof(session, record.id, at=MADE_AT)
    assert make_proof(session, record.id, at=MADE_AT) is first
    assert CODE.fullmatch(first.code)


@pytest.mark.parametrize(
    "code", ["", "a" * 25, "a" * 27, "A" * 26, "o" * 26, "../../etc/passwd", "a" * 25 + "\n", "1" * 26]
)
def test_what_cannot_be_a_code_is_not_even_looked_for(session: Session, code: str) -> None:
    with statements(session) as sent:
        assert look_up(session, code) is None
    assert sent == []


@pytest.mark.parametrize(
    ("rule", "state", "now"),
    [
        ("hours that nobody admitted yet are hours all the same", State.COMPUTED, Now.VALID),
        ("an admission holds", State.GRANTED, Now.VALID),
        ("what is looked at again does not hold now", State.SUSPENDED, Now.SUSPENDED),
        ("what was revoked does not hold", State.REVOKED, Now.REVOKED),
    ],
)
def test_what_is_true_of_a_proof_follows_its_record(
    session: Session, school: School, rule: str, state: State, now: Now
) -> None:
    record = a_record(session, school.person(), school.class_id)
    proof = make_proof(session, record.id, at=MADE_AT)
    if state not in (State.GRANTED,):
        step_to(session, record, state)
    found = look_up(session, proof.code)
    assert found is not None
    assert found.now is now, rule
    bits = ended_bits(session, 0)
    assert (proof.status_index in (bits or [])) is (now is not Now.VALID), "the list of badges says the same"


def test_a_suspension_that_ends_makes_the_proof_valid_again(session: Session, school: School) -> None:
    record = a_record(session, school.person(), school.class_id)
    proof = make_proof(session, record.id, at=MADE_AT)
    for state, bits in ((State.SUSPENDED, [proof.status_index]), (State.GRANTED, [])):
        step_to(session, record, state)
        assert ended_bits(session, 0) == bits


def test_a_newer_version_supersedes_it_and_is_shown(session: Session, school: School) -> None:
    person = school.person()
    first = a_record(session, person, school.class_id, online_theory_ms=1_800_000)
    proof = make_proof(session, first.id, at=MADE_AT)
    second = a_record(session, person, school.class_id, online_theory_ms=3_600_000, supersedes=first)
    found = look_up(session, proof.code)
    assert found is not None
    assert (found.now, found.record, found.newest) == (Now.SUPERSEDED, first, second)
    assert ended_bits(session, 0) == [proof.status_index]


def test_a_newer_version_that_was_revoked_ends_the_older_proofs_too(session: Session, school: School) -> None:
    person = school.person()
    first = a_record(session, person, school.class_id)
    proof = make_proof(session, first.id, at=MADE_AT)
    second = a_record(session, person, school.class_id, supersedes=first)
    step_to(session, second, State.REVOKED)
    found = look_up(session, proof.code)
    assert found is not None
    assert found.now is Now.REVOKED


def test_another_outline_of_the_same_person_changes_nothing(session: Session, school: School) -> None:
    person = school.person()
    proof = make_proof(session, a_record(session, person, school.class_id).id, at=MADE_AT)
    other = a_school(session, code="other")
    a_record(session, person, other.class_id, state=State.REVOKED)
    found = look_up(session, proof.code)
    assert found is not None
    assert found.now is Now.VALID
    assert ended_bits(session, 0) == []


def test_there_is_no_list_beyond_the_last(session: Session, school: School) -> None:
    assert ended_bits(session, 0) == []
    assert ended_bits(session, 1) is None
    assert ended_bits(session, -1) is None


def test_a_list_half_full_is_followed_by_another(
    session: Session, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "LIST_BITS", 4)
    made = [make_proof(session, a_record(session, school.person(), school.class_id).id, at=MADE_AT) for _ in range(5)]
    assert [one.status_list for one in made] == [0, 0, 1, 1, 2]
    assert len({(one.status_list, one.status_index) for one in made}) == 5


@pytest.mark.parametrize(
    ("name", "shown"), [("张三", "张*"), ("欧阳建国", "欧***"), ("Gulnara A.", "G***"), ("张", "张*"), ("", "")]
)
def test_strangers_see_a_masked_name(name: str, shown: str) -> None:
    assert standing.masked_name(name) == shown


# --- the page for anybody ---------------------------------------------------------------------------------------------


def json_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json
    return found


PAGE = {"Accept": "text/html", "Accept-Language": "zh"}


@pytest.fixture
def proved(session: Session, school: School) -> Any:
    """A record with its proof, committed."""
    record = a_record(session, school.person("欧阳建国"), school.class_id, online_theory_ms=9 * 1_800_000)
    proof = make_proof(session, record.id, at=MADE_AT)
    session.commit()
    return record, proof


def test_anybody_with_the_code_sees_how_it_stands_and_no_whole_name(client: FlaskClient, proved: Any) -> None:
    answer = client.get(f"/proof/{proved[1].code}", headers=PAGE)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'data-now="valid"' in text
    assert "欧***" in text
    assert "欧阳建国" not in text
    assert "9.0" in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]


def test_the_page_says_superseded_revoked_and_erased(
    client: FlaskClient, session: Session, school: School, proved: Any
) -> None:
    record, proof = proved
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: step_to(session, record, State.SUSPENDED), "suspended"),
        (lambda: step_to(session, record, State.REVOKED), "revoked"),
        (lambda: persons.erase_person(session, record.person_id, at=MADE_AT), "erased"),
    ]
    for change, said in changes:
        change()
        session.commit()
        text = client.get(f"/proof/{proof.code}", headers=PAGE).get_data(as_text=True)
        assert f'data-now="{said}"' in text
    assert "欧" not in text


def test_a_superseded_proof_shows_what_holds_now(
    client: FlaskClient, session: Session, school: School, proved: Any
) -> None:
    record, proof = proved
    person = session.get_one(Person, record.person_id)
    a_record(session, person, school.class_id, online_theory_ms=12 * 1_800_000, supersedes=record)
    session.commit()
    text = client.get(f"/proof/{proof.code}", headers=PAGE).get_data(as_text=True)
    assert 'data-now="superseded"' in text
    assert "9.0" in text
    assert "12.0" in text


def test_a_program_gets_the_same_as_json(client: FlaskClient, proved: Any) -> None:
    told = json_of(client.get(f"/proof/{proved[1].code}", headers={"Accept": "application/json"}))
    assert (told["now"], told["hours"]["total"], told["name_masked"]) == ("valid", "9.0", "欧***")
    assert "document" not in str(told)


def test_a_code_that_nobody_has_is_not_there(client: FlaskClient, proved: Any) -> None:
    assert client.get(f"/proof/{'a' * 26}", headers=PAGE).status_code == 404


def test_one_address_may_look_so_often_in_a_minute(client: FlaskClient, clock: ManualClock, proved: Any) -> None:
    address = f"/proof/{proved[1].code}"
    assert [client.get(address).status_code for _ in range(MOST_LOOKS)] == [200] * MOST_LOOKS
    refused = client.get(address)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    clock.advance(60_000)
    assert client.get(address).status_code == 200


def test_readers_of_badges_find_issuer_keys_and_list_without_signing_in(client: FlaskClient, proved: Any) -> None:
    issuer = json_of(client.get("/proof/issuer"))
    assert issuer["id"] == "http://localhost/proof/issuer"
    for algorithm in ("RS256", "EdDSA"):
        answer = client.get(f"/proof/status/0/{algorithm}")
        assert answer.content_type == "application/vc+jwt"
        claims = claims_of(answer.get_data(as_text=True))
        assert claims["issuer"] == issuer["id"]
        assert set_indices(decode_encoded_list(claims["credentialSubject"]["encodedList"])) == frozenset()
    for address in ("/proof/status/1/RS256", "/proof/status/0/none", "/proof/keys/x", f"/proof/status/{2**40}/RS256"):
        assert client.get(address).status_code == 404


def test_the_house_makes_its_rsa_key_once_and_keeps_it_sealed(client: FlaskClient, proved: Any) -> None:
    client.get("/proof/status/0/RS256")
    before = scalar(db.session(), "SELECT sealed FROM elearn.house_key")
    client.get("/proof/status/0/RS256")
    assert scalar(db.session(), "SELECT count(*) FROM elearn.house_key") == 1
    assert scalar(db.session(), "SELECT sealed FROM elearn.house_key") == before
    assert isinstance(before, bytes)
    assert b"RSA" not in before


# --- the holder's own -------------------------------------------------------------------------------------------------


def test_a_learner_makes_a_proof_prints_it_and_takes_the_badge_along(
    app: Flask, client: FlaskClient, session: Session, school: School
) -> None:
    person = school.person("张三")
    record = a_record(session, person, school.class_id)
    header = signed_in(client, session, an_account(session, person=person))
    page = f"/hours/proof/{record.outline_id}"
    assert client.get(page, headers=PAGE).status_code == 200
    assert scalar(session, "SELECT count(*) FROM elearn.training_proof") == 0, "looking makes nothing"
    for _ in range(2):
        assert client.post(page, headers=header).status_code == 303
    code = str(scalar(session, "SELECT code FROM elearn.training_proof"))
    assert f"http://localhost/proof/{code}" in client.get(page, headers=PAGE).get_data(as_text=True)
    pdf = client.get(f"/hours/proof/{code}.pdf?sheet=en")
    assert pdf.content_type == "application/pdf"
    assert codes_of(pdf.data) == [f"http://localhost/proof/{code}"]
    assert "24.0" in text_of(pdf.data)
    for algorithm in ("RS256", "EdDSA"):
        badge = client.get(f"/hours/proof/{code}.jwt?algorithm={algorithm}").get_data(as_text=True)
        assert claims_of(badge)["credentialSubject"]["creditsEarned"] == 24.0
    assert client.get(f"/hours/proof/{code}.jwt?algorithm=none").status_code == 404


def test_another_persons_proof_is_not_there(client: FlaskClient, session: Session, school: School, proved: Any) -> None:
    record, proof = proved
    header = signed_in(client, session, an_account(session, person=school.person("李四")))
    for address in (
        f"/hours/proof/{record.outline_id}",
        f"/hours/proof/{proof.code}.pdf",
        f"/hours/proof/{proof.code}.jwt",
    ):
        assert client.get(address, headers=PAGE).status_code == 404
    assert client.post(f"/hours/proof/{record.outline_id}", headers=header).status_code == 404


def test_whoever_is_not_signed_in_prints_nothing(client: FlaskClient, proved: Any) -> None:
    record, proof = proved
    for address in (f"/hours/proof/{proof.code}.pdf", f"/hours/proof/{record.outline_id}"):
        assert client.get(address).status_code == 401
