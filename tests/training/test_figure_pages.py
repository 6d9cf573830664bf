"""Pages of figures: who sees which node, what stands on them, and what leaves as a file."""

from __future__ import annotations

import io
import re
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.paper.sheets import speaker
from elearn.people.models import EmploymentKind, Organisation, Role
from elearn.training.figures import board_tables, charts, dashboards
from elearn.training.figures.dashboards import Chosen, Show, Sums
from elearn.training.models import State
from tests import builders_people as people
from tests.training.test_figures import DAY, NOW, TODAY, Firm, settled


@pytest.fixture
def busy(session: Session) -> Firm:
    """Three people of the first enterprise and one of the second; all of 2026's third quarter."""
    firm = Firm(session)
    firm.employers[0].region, firm.employers[1].region = "530102", "440100"
    firm.employers[0].name, firm.shops[0].name = "云岭建设", "机加工车间"
    first, second, _late = firm.hire(0), firm.hire(0, EmploymentKind.FLEXIBLE), firm.hire(1)
    firm.hire(2)
    firm.assign(first, state=State.DONE, done_at=NOW)
    firm.assign(second, 1, on=TODAY - 40 * DAY, bars_post=True)
    firm.learn(first, ms=5_400_000)
    settled(session)
    return firm


def numbers(page: str) -> dict[str, str]:
    """What the cards of a board say."""
    return dict(re.findall(r"<dt>([^<]+)</dt><dd><b class=\"num\">([^<]+)</b>", page))


def test_each_reader_sees_the_own_nodes_and_no_other_is_even_confirmed(
    client: FlaskClient, session: Session, busy: Firm
) -> None:
    own, other = busy.employers
    boards = {"own": own, "shop": busy.shops[0], "group": busy.group, "other": other}
    institution = people.an_institution(session)
    readers = [
        (people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=own.id), {"own", "shop"}, {"own", "shop"}),
        (people.an_account(session, Role.PRINCIPAL, organisation_id=busy.group.id), set(boards), set(boards)),
        (people.an_account(session, Role.SAFETY_MANAGER, organisation_id=busy.shops[0].id), {"shop"}, {"shop"}),
        (people.an_account(session, Role.REGULATOR_OFFICER, region="530000"), {"own", "shop"}, set()),
        (people.an_account(session, Role.AUDITOR), set(boards), set(boards)),
    ]
    for account, may, may_people in readers:
        people.signed_in(client, session, account)
        for name, unit in boards.items():
            wanted = 200 if name in may else 404
            assert client.get(f"/figures/{unit.id}").status_code == wanted, name
            assert client.get(f"/figures/{unit.id}/figures.xlsx").status_code == wanted
            listed = client.get(f"/figures/{unit.id}/people?show=all").status_code
            assert listed in ((200,) if name in may_people else (403, 404))
        assert client.get(f"/figures/{institution.id}").status_code == 404
    people.signed_in(client, session, people.an_account(session))
    assert client.get(f"/figures/{own.id}").status_code == 403


def test_a_board_says_what_the_figures_say_for_what_was_chosen(
    client: FlaskClient, session: Session, busy: Firm
) -> None:
    own = busy.employers[0]
    people.signed_in(client, session, people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=own.id))
    home = client.get("/figures")
    assert home.status_code == 303
    assert home.location.endswith(f"/figures/{own.id}")
    client.get("/language/en")
    page = client.get(home.location).text
    assert numbers(page) == {
        "People": "3", "Coverage of people": "33.3 %", "Training done": "50.0 %", "Hours learned": "1.5",
        "Overdue": "1", "Must leave the post": "1", "Certificates held": "—", "Certificates that run out": "0",
    }  # fmt: skip
    assert str(busy.group.id) not in page, "nothing of what lies above or beside"
    assert page.count('role="img"') == 3
    assert "机加工车间: 50.0 % · 1/2" in page, "charts are told in words too"
    flexible = numbers(client.get(f"/figures/{own.id}?kind=flexible&period=20262").text)
    assert (flexible["People"], flexible["Overdue"], flexible["Hours learned"]) == ("1", "1", "0.0")
    yearly = numbers(client.get(f"/figures/{own.id}?purpose=yearly&period=2026").text)
    assert (yearly["People"], yearly["Training done"], yearly["Must leave the post"]) == ("3", "100.0 %", "0")
    for wrong in ("period=7", "period=20265", "purpose=none", "kind=x", "period=%00", "period=" + "9" * 5_000):
        assert client.get(f"/figures/{own.id}?{wrong}").status_code == 404, wrong
    for wrong in ("show=x", "kind=x", "after=1", "after=a.b"):
        assert client.get(f"/figures/{own.id}/people?{wrong}").status_code == 404, wrong
    empty = client.get(f"/figures/{busy.teams[1].id}?kind=intern").text
    assert "Nothing to count yet" not in empty  # somebody stands there, of another kind
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/figures/{own.id}/figures.xlsx?period=2026").data))
    assert book.sheetnames == ["Figures", "Units", "By employment", "By purpose", "By quarter"]
    assert [cell.value for cell in book["By employment"][4]][:3] == ["Together", 3, "33.3 %"]
    paper = client.get(f"/figures/{own.id}/figures.pdf")
    assert paper.data.startswith(b"%PDF")
    assert paper.headers["Cache-Control"] == "private, no-store"


def test_officers_find_enterprises_of_their_region_by_name(client: FlaskClient, session: Session, busy: Firm) -> None:
    people.signed_in(client, session, people.an_account(session, Role.REGULATOR_OFFICER, region="530000"))
    page = client.get("/figures").text
    assert "云岭建设" in page
    assert str(busy.employers[1].id) not in page
    assert str(busy.employers[0].id) not in client.get("/figures?search=100%25").text
    people.signed_in(client, session, people.an_account(session, Role.AUDITOR))
    assert str(busy.employers[1].id) in client.get("/figures").text


@pytest.mark.parametrize(("at_once", "few"), [(1, 500), (1, 0), (20, 500), (20, 0)])
def test_lists_of_people_go_unit_by_unit_and_hold_whom_the_figures_count(
    session: Session, busy: Firm, at_once: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards, "UNITS_AT_ONCE", at_once)
    monkeypatch.setattr(dashboards, "FEW", few)  # found down the branches, or unit by unit

    def listed(unit: Organisation, show: Show, **more: Any) -> set[UUID]:
        return {one.membership_id for one in dashboards.people(session, unit.id, show, today=TODAY, **more)}

    first, second, third, other = (one.id for one in busy.members)
    assert listed(busy.group, Show.ALL) == {first, second, third, other}
    assert listed(busy.employers[0], Show.OVERDUE) == listed(busy.shops[0], Show.BARRED) == {second}
    assert listed(busy.employers[0], Show.UNTRAINED) == {second, third}
    assert listed(busy.employers[0], Show.UNTRAINED, kind="employee") == {third}
    assert listed(busy.shops[1], Show.OVERDUE) == set()
    assert listed(busy.group, Show.ALL, kind="intern") == set()
    seen: list[UUID] = []
    after = None
    while page := dashboards.people(session, busy.group.id, Show.ALL, today=TODAY, after=after, size=1):
        seen.append(page[0].membership_id)
        after = page[0].unit_id, page[0].membership_id
    assert len(seen) == len(set(seen)) == 4


def test_a_board_of_nobody_is_empty_and_has_no_chart(session: Session, busy: Firm) -> None:
    board = dashboards.board(session, busy.teams[3].id, Chosen())
    assert not board.whole
    assert board_tables.tables(board, [], speaker("en")) == []


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "—"), (0, 5, "0.0 %"), (1, 3, "33.3 %"), (999, 1000, "99.9 %"), (9999, 10000, "99.9 %"), (7, 7, "100.0 %")],
)
def test_a_share_is_rounded_down(part: int, whole: int, said: str) -> None:
    assert board_tables.share(part, whole) == said


def test_a_chart_escapes_names_and_never_draws_more_than_all() -> None:
    drawn = charts.bars("t", "d", [charts.Bar('<b>"', 9, 3, "s"), charts.Bar("二" * 40, 1, 10**9, "")], name="n")
    assert "<b>" not in drawn
    assert f'width="{charts.WIDTH}" height="12" rx="3" class="chart-bar"' in drawn
    assert 'width="1" height="12" rx="3" class="chart-bar"' in drawn, "something is never drawn as nothing"
    assert "二" * 14 + "…" in drawn
    assert charts.columns("t", "d", [], name="n").startswith("<svg")
    assert Sums() + Sums(people=1) == Sums(people=1)
