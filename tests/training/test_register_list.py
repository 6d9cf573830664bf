"""The register of certificates as a list: page after page by key, counted up to a bound, the same whichever way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import naming, organisations
from elearn.people.models import Membership, Organisation, Role
from elearn.people.registry import local_day
from elearn.training.certificates import listed
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import Show
from elearn.training.certificates.rules import CertificateKind, CheckState, EndsBy
from tests.builders_people import a_person, an_account
from tests.builders_training import AT, TODAY, Works, a_works
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser

DAY = timedelta(days=1)
BEFORE = date(2024, 3, 1)


@dataclass
class Register:
    """Of an enterprise, whose people have certificates that end on all sorts of days, and of the group above it."""

    works: Works
    rows: list[tuple[WorkerCertificate, Membership, str, bool]]
    """A certificate, whose it is, what they are called, and whether they stand there today."""

    def add(self, member: Membership, name: str, ends: int | None, here: bool = True, **said: object) -> None:
        session = self.works.session
        holds_to = None if ends is None else TODAY + ends * DAY
        row = WorkerCertificate(
            person_id=member.person_id, organisation_id=said.get("employer", member.organisation_id),
            kind=CertificateKind.OPERATION,
            category="so_lv_electric", title=f"作业 {len(self.rows)}", number_sealed=b"x", issuer="厅", from_on=BEFORE,
            to_on=holds_to, reviewed_on=None, holds_to=holds_to, ends_by=None if ends is None else EndsBy.PAPER,
            scan_sha256=None, check_state=said.get("check", CheckState.UNCHECKED), ended_on=said.get("ended_on"),
            ended_why="x" if said.get("ended_on") else "", created_by=member.person_id, created_at=AT,
        )  # fmt: skip
        session.add(row)
        session.flush()
        self.rows.append((row, member, name, here))

    def by_hand(self, employers: set[object], show: Show, name: str) -> list[WorkerCertificate]:
        """As `Show` says it in words."""
        found = []
        for row, _member, who, here in self.rows:
            live = row.ended_on is None
            holds = live and row.check_state is not CheckState.DIFFERS and row.holds_to is not None
            shown = {
                Show.ALL: True,
                Show.EXPIRING: holds and row.holds_to is not None and TODAY <= row.holds_to <= TODAY + 90 * DAY,
                Show.EXPIRED: live and row.holds_to is not None and row.holds_to < TODAY,
                Show.UNCHECKED: live and row.check_state is CheckState.UNCHECKED,
                Show.DIFFERS: live and row.check_state is CheckState.DIFFERS,
            }[show]
            if here and shown and row.organisation_id in employers and name.lower() in who.lower():
                found.append(row)
        return sorted(found, key=lambda row: (row.holds_to or date.max, row.id))


@pytest.fixture
def register(session: Session) -> Register:
    works = a_works(session)
    made = Register(works, [])
    for number, name in enumerate(("王伟", "李王", "Ada Wang", "王小伟", "赵六")):
        member = works.hire(person_id=a_person(session, name=name).id, from_on=BEFORE, unit=works.workshop)
        made.add(member, name, number * 40 - 40)
        made.add(member, name, None if number % 2 else 30, check=CheckState.AGREES)
        made.add(member, name, 30, check=CheckState.DIFFERS)
        made.add(member, name, 60, ended_on=TODAY - DAY)
    # She left the group, which keeps what she had; where she works now that is not confirmed to exist.
    made.add(made.rows[0][1], "王伟", 20, here=False, employer=works.group.id)
    gone = works.hire(person_id=a_person(session, name="王走").id, from_on=BEFORE)
    organisations.leave(session, gone.person_id, works.enterprise.id, TODAY - DAY)
    made.add(gone, "王走", 10, here=False)
    made.add(works.hire(person_id=a_person(session, name="王来").id, from_on=TODAY + DAY), "王来", 10, here=False)
    above = works.hire(
        person_id=a_person(session, name="王上").id, employer=works.group, unit=works.group, from_on=BEFORE
    )
    made.add(above, "王上", 5)
    return made


@pytest.mark.parametrize("way", ["few people", "many people", "many of the name"])
def test_every_page_of_the_register_follows_the_one_before_whichever_way_it_is_found(
    session: Session, register: Register, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "FEW", 3_000 if way == "few people" else 0)
    if way == "many of the name":
        monkeypatch.setattr(naming, "so_called", lambda *_rest, **_most: None)
    works = register.works
    nodes: list[tuple[Organisation, set[object]]] = [
        (works.group, {works.group.id, works.enterprise.id}), (works.workshop, {works.enterprise.id}),
    ]  # fmt: skip
    for node, employers in nodes:
        for show, name in [(one, "") for one in Show] + [(Show.ALL, "王"), (Show.UNCHECKED, "wang"), (Show.ALL, "%")]:
            wanted = [row.id for row in register.by_hand(employers, show, name)]
            paged, after = [], None
            for _page in range(2 + len(wanted) // 3):
                found = listed.register(session, node.id, on=TODAY, show=show, name=name, after=after, size=3)
                assert found.total == len(wanted), (show, name)
                paged += [one.row.id for one in found.lines]
                after = found.next
                if after is None:
                    break
            assert paged == wanted, (way, show, name)


def test_the_register_is_counted_up_to_a_bound_at_the_same_few_queries(
    session: Session, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listed, "MOST_COUNTED", 4)
    session.expire_all()
    node = register.works.enterprise.id
    for size in (2, 20):
        with statements(session) as sent:
            found = listed.register(session, node, on=TODAY, size=size)
        assert (len(found.lines), found.total, found.next is None) == (size, 5, size == 20)
        assert len(sent) == 5
    assert {one.unit for one in found.lines} == {register.works.workshop.name}


def test_the_pages_of_the_register_lead_on_and_back_to_the_beginning(
    app: Flask, session: Session, clock: ManualClock, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listed, "PAGE", 15)
    monkeypatch.setattr(listed, "MOST_COUNTED", 10)
    clerk = Browser(app, session, an_account(session, Role.ENTERPRISE_CLERK, organisation_id=register.works.group.id))
    session.commit()
    here = f"/training/certificates?organisation={register.works.group.id}"
    first = clerk.get(here).text
    assert "10+" in first
    assert "More than 10." in first
    assert "To the beginning" not in first
    whole = listed.register(session, register.works.group.id, on=local_day(clock()), size=100).lines
    last = whole[14].row
    following = f"&after={last.holds_to}.{last.id}"
    assert following in first.replace("&amp;", "&")
    second = clerk.get(here + following).text
    assert second.count("/training/certificates/0") == len(whole) - 15 > 0
    assert "To the beginning" in second
    assert 'rel="next"' not in second
    assert "That was the last one." in clerk.page(f"{here}&after=.ffffffff-ffff-ffff-ffff-ffffffffffff")
    for bad in ("x", "2026-02-30.", "2026-01-01", f".{last.id}.x", "infinity.x"):
        assert clerk.get(f"{here}&after={bad}").status_code == 404, bad
