"""An inspector's link: what it opens, until when, what it writes down, and what it never opens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.errors import Malformed
from elearn.people.models import Account, Person, Role
from elearn.training.archives import inspecting
from elearn.training.archives.inspecting import InspectorLink, InspectorLook
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.training.test_figure_pages import busy, numbers
from tests.training.test_figures import NOW, Firm

__all__ = ["busy"]


def a_link(client: FlaskClient, session: Session, firm: Firm, **form: str) -> tuple[str, Account, dict[str, str]]:
    """A principal makes one for the first enterprise: its path, the maker, their header."""
    unit = firm.employers[0]
    maker = people.an_account(session, Role.PRINCIPAL, organisation_id=unit.id)
    token = people.signed_in(client, session, maker)
    client.get("/language/en")
    values = {"whom": "Yunnan bureau, spot check", "year": "2026", "days": "3", "names": "masked"} | form
    answer = client.post(f"/figures/{unit.id}/inspections", data=values, headers=token)
    assert answer.status_code == 200, answer.text
    found = re.search(r"http://localhost(/inspection/[\w-]{43})<", answer.text)
    assert found
    return found[1], maker, token


def test_an_inspector_reads_one_node_without_an_account_and_every_look_is_written_down(
    client: FlaskClient, session: Session, busy: Firm, clock: ManualClock
) -> None:
    clock.now = NOW
    path, _maker, header = a_link(client, session, busy)
    own, shop, other = busy.employers[0], busy.shops[0], busy.employers[1]
    late = session.get_one(Person, busy.members[1].person_id)
    late.name = "欧阳志远"
    session.commit()
    visitor = client.application.test_client()
    visitor.get("/language/en")
    page = visitor.get(path, environ_base={"REMOTE_ADDR": "203.0.113.77"})
    assert numbers(page.text)["People"] == "3"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "private, no-store"
    assert 'href="/figures' not in page.text
    assert "/people/" not in page.text.replace(path, "")
    assert visitor.get(f"{path}/{shop.id}").status_code == 200
    listed = visitor.get(f"{path}/{own.id}/people?show=overdue")
    assert "欧**" in listed.text or "欧" in listed.text
    assert "欧阳志远" not in listed.text
    assert visitor.get(f"{path}/{own.id}/figures.xlsx?period=0").status_code == 200
    looks = session.scalars(sa.select(InspectorLook).order_by(InspectorLook.id)).all()
    assert [one.what for one in looks] == ["board", "board", "people", "file"]
    assert looks[0].network == "203.0.113.0/24"
    # Another year is not shown, whatever the address asks for; other nodes are not confirmed; no other page opens.
    assert numbers(visitor.get(f"{path}?period=2024").text) == numbers(page.text)
    for unit in (busy.group, other, busy.teams[2]):
        assert visitor.get(f"{path}/{unit.id}").status_code == 404
        assert visitor.get(f"{path}/{unit.id}/people").status_code == 404
    assert visitor.get(f"/figures/{own.id}", headers={"Accept": "text/html"}).status_code == 303
    assert visitor.get(f"{path[:-1]}_").status_code == 404
    # Whoever let them in sees it, and closes it at once.
    desk = client.get(f"/figures/{own.id}/inspections").text
    assert "203.0.113.0/24" in desk
    assert path not in desk
    link = session.scalars(sa.select(InspectorLink)).one()
    assert client.post(f"/inspections/{link.id}/withdraw", headers=header).status_code == 303
    assert visitor.get(path).status_code == 404
    assert client.post(f"/inspections/{link.id}/withdraw", headers=header).status_code == 303


def test_a_link_ends_by_itself_and_shows_full_names_only_when_its_maker_said_so(
    client: FlaskClient, session: Session, busy: Firm, clock: ManualClock
) -> None:
    clock.now = NOW
    path, _maker, _header = a_link(client, session, busy, names="full", days="1", year="0")
    session.get_one(Person, busy.members[1].person_id).name = "欧阳志远"
    session.commit()
    visitor = client.application.test_client()
    assert "欧阳志远" in visitor.get(f"{path}/{busy.employers[0].id}/people?show=overdue").text
    clock.now = NOW + timedelta(days=1) - timedelta(seconds=1)
    assert visitor.get(path).status_code == 200
    clock.now = NOW + timedelta(days=1)
    assert visitor.get(path).status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"whom": " "}, "Say for which inspection"),
        ({"whom": "x" * 101}, "Say for which inspection"),
        ({"days": "31"}, "A link holds for"),
        ({"days": "-1"}, "Please choose one of these"),
        ({"year": "1999"}, "This is no year"),
        ({"year": "２０２６"}, "Please choose one of these"),
    ],
)
def test_a_form_that_is_wrong_makes_no_link(
    client: FlaskClient, session: Session, busy: Firm, form: dict[str, str], said: str
) -> None:
    header = people.signed_in(
        client, session, people.an_account(session, Role.SAFETY_MANAGER, organisation_id=busy.group.id)
    )
    client.get("/language/en")
    values = {"whom": "Bureau", "year": "0", "days": "3"} | form
    answer = client.post(f"/figures/{busy.shops[0].id}/inspections", data=values, headers=header)
    assert answer.status_code == 400
    assert said in answer.text
    assert session.scalars(sa.select(InspectorLink)).all() == []


def test_only_a_principal_or_safety_manager_of_the_node_makes_and_closes_links(
    client: FlaskClient, session: Session, busy: Firm
) -> None:
    own, other = busy.employers
    maker = people.an_account(session, Role.PRINCIPAL, organisation_id=own.id)
    made, _token = inspecting.make(
        session, own.id, year=0, days=1, full_names=False, whom="b", by=maker.person_id, at=NOW
    )
    values = {"whom": "Bureau", "year": "0", "days": "3"}
    for role, unit, wanted in (
        (Role.ENTERPRISE_CLERK, own, 403), (Role.PRINCIPAL, other, 404), (Role.AUDITOR, own, 403),
    ):  # fmt: skip
        header = people.signed_in(client, session, people.an_account(session, role, organisation_id=unit.id))
        assert client.post(f"/figures/{own.id}/inspections", data=values, headers=header).status_code == wanted
        assert client.post(f"/inspections/{made.id}/withdraw", headers=header).status_code == wanted
    session.refresh(made)
    assert made.withdrawn_at is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        (None, ""),
        ("unix:", ""),
    ],
)
def test_where_somebody_looked_from_is_kept_coarse(address: str | None, network: str) -> None:
    assert inspecting.network_of(address) == network


def test_a_link_is_for_one_of_the_lengths_that_are_offered(session: Session, busy: Firm) -> None:
    with pytest.raises(Malformed, match="A link holds"):
        inspecting.make(
            session, busy.group.id, year=0, days=2, full_names=False, whom="b", by=busy.members[0].person_id, at=NOW
        )
