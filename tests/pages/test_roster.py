"""A clerk's roster over HTTP: sent, looked at, taken in, refused rows back. Nobody else's, and nothing half done."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import accounts, organisations
from elearn.people.models import (
    Account,
    Disclosure,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationLevel,
    PasswordReset,
    Person,
    Placement,
    Role,
)
from elearn.people.roster import drafts, looking, taking
from elearn.people.roster.models import RosterDraft, RosterLine
from tests import builders_people as people
from tests.builders_people import KEYS
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser, World, text_of
from tests.people.roster.sheets import cells_of, text, xlsx

Browsers = Callable[[Account | None], Browser]


def send(browser: Browser, employer: Organisation, content: bytes, name: str = "花名册.xlsx") -> str:
    """Send a roster; answers where it can be looked at."""
    form: dict[str, object] = {"organisation": str(employer.id), "file": (io.BytesIO(content), name)}
    answer = browser.post("/people/import", form, content_type="multipart/form-data")
    assert answer.status_code == 303, text_of(answer)
    return answer.location


def id_in(address: str) -> UUID:
    return UUID(re.findall(r"[0-9a-f-]{36}", address)[0])


def read(session: Session, address: str, clock: ManualClock) -> None:
    looking.read(session, id_in(address), keys=KEYS, now=clock)


def take(session: Session, address: str, clock: ManualClock) -> None:
    taking.take(session, id_in(address), keys=KEYS, now=clock)


def test_a_dirty_roster_is_looked_at_taken_in_and_the_same_again_changes_nothing(
    session: Session, world: World, browser: Browsers, clock: ManualClock
) -> None:
    clerk = browser(world.clerk)
    numbers = [people.a_resident_id() for _ in range(6)]
    wrong = numbers[5][:-1] + ("0" if numbers[5][-1] != "0" else "1")
    rows = [
        (1, "张 三丰", numbers[0], "+86 138 0013 8000", "生产部", "一车间", "甲班", "电工", "合同制", "2026.1.5", "",
         "A-1"),
        (2, "李四光", numbers[1].lower(), "", None, None, None, "焊工", "灵活用工", 46027, "", "A-2"),
        (3, "买买提·艾力", numbers[2], "", "后勤", "", "", "=HYPERLINK(1)", "劳务派遣", "2026年1月5日", "", ""),
        (4, "张三丰", numbers[0], "+86 138 0013 8000", "生产部", "一车间", "甲班", "电工", "合同制", "2026-01-05", "",
         "A-1"),
        (5, "", numbers[3], "12345", "生产部", "", "", "", "月结", "5/1/26", "", ""),
        (6, "赵六", wrong, "", "生产部", "", "", "", "", "", "", ""),
        ("合计", "6 人"),
    ]  # fmt: skip
    # Two rows share merged cells for where they stand; the header is the third row.
    content = xlsx(rows, merged=["A1:L1", "E4:E5", "F4:F5", "G4:G5"])
    address = send(clerk, world.enterprise, content)
    assert "The file is being read" in clerk.page(address)
    assert numbers[0].encode() not in stored(session), "document numbers do not lie in clear"
    read(session, address, clock)

    page = clerk.page(address)
    assert "3 New" in page
    assert "1 Twice the same" in page
    assert "2 Wrong rows" in page
    assert "Line 8 — Name: The name is missing." in page
    assert "Phone number: This is not one phone number." in page
    assert "“月结” is no way of being employed" in page
    assert "“5/1/26” is not one clear day" in page
    assert "Line 9 赵六 Document number: The document number has a typing error: its check digit is wrong." in page
    assert "Make the 4 units that are missing" in page
    assert session.scalar(sa.select(sa.func.count()).where(Membership.organisation_id == world.enterprise.id)) == 1
    assert numbers[0].encode() not in stored(session)
    draft = drafts.own_draft(session, id_in(address))
    assert draft.content_sealed is None, "once it is read, the file itself is no longer kept"

    refused = cells_of(clerk.get(f"{address}/refused.xlsx").data)
    assert refused[0][:4] == ["Line of the file", "Reason", "序号", "姓名"]
    assert [line[0] for line in refused[1:]] == ["8", "9"]
    assert refused[2][4] == wrong, "given back as it was sent"

    answer = clerk.post(f"{address}/take", {"rows": "good", "make_units": "1"})
    assert answer.status_code == 303
    assert "The roster is being taken in" in clerk.page(address)
    take(session, address, clock)
    page = clerk.page(address)
    assert "3 New" in page
    assert "2 Wrong rows" in page
    assert "赵六" in page
    assert "张三丰" not in page
    found = {
        name: (kind, from_on, unit, post)
        for name, kind, from_on, unit, post in session.execute(
            sa.select(Person.name, Membership.kind, Membership.from_on, Organisation.name, Placement.post)
            .join(Membership, Membership.person_id == Person.id)
            .join(Placement, Placement.membership_id == Membership.id)
            .join(Organisation, Organisation.id == Placement.unit_id)
            .where(Membership.organisation_id == world.enterprise.id, Person.name != "李明")
        )
    }
    assert found == {
        "张三丰": (EmploymentKind.EMPLOYEE, date(2026, 1, 5), "甲班", "电工"),
        "李四光": (EmploymentKind.FLEXIBLE, date(2026, 1, 5), "甲班", "焊工"),
        "买买提·艾力": (EmploymentKind.DISPATCHED, date(2026, 1, 5), "后勤", "=HYPERLINK(1)"),
    }
    levels = dict(session.execute(sa.select(Organisation.name, Organisation.level)).all())
    assert levels["甲班"] is OrganisationLevel.TEAM
    assert levels["生产部"] is levels["一车间"] is levels["后勤"] is OrganisationLevel.WORKSHOP
    kept = session.scalars(sa.select(RosterLine.verdict).where(RosterLine.content_sealed.is_not(None)).distinct()).all()
    assert kept == ["refused"], "what was taken in is not kept beside it"

    again = send(clerk, world.enterprise, content)
    read(session, again, clock)
    page = clerk.page(again)
    assert "3 Unchanged" in page
    assert "0 New" in page
    assert "units that are missing" not in page
    clerk.post(f"{again}/take", {"rows": "good"})
    take(session, again, clock)
    take(session, again, clock)  # a worker that died before it could say so: the job runs once more
    assert session.scalar(sa.select(sa.func.count()).where(Membership.organisation_id == world.enterprise.id)) == 4
    assert session.scalar(sa.select(sa.func.count()).select_from(Placement)) == 4
    assert "3 Unchanged" in clerk.page(again)

    # Slips for the first sign-in: who has a phone number or a staff number signs in with it.
    assert "3 people have an account" in clerk.page(f"/people/slips?organisation={world.enterprise.id}")
    slips = clerk.post("/people/slips", {"organisation": str(world.enterprise.id)})
    assert slips.headers["Cache-Control"] == "no-store"
    shown = text_of(slips)
    tag = world.enterprise.id.hex[-6:]
    assert f"Account a-2@{tag}" in shown
    assert "Account **********8000" in shown
    assert re.search(r"Account w-[a-z0-9]{8}", shown)
    assert "Nobody here waits for a slip." in shown
    one_time = re.findall(r">([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})<", slips.text)
    assert len(one_time) == session.scalar(sa.select(sa.func.count()).select_from(PasswordReset)) == 3
    worker = browser(None)
    answer = worker.get("/signin")
    token = re.findall(r'name="csrf_token" value="([^"]+)"', answer.text)[0]
    worker.token = token
    opened = {worker.post("/signin", {"name": f"a-2@{tag}", "password": one}).status_code for one in one_time}
    assert 303 in opened, "one of the slips opens the account"

    # The roster taken out: the same columns, numbers masked, and that it leaves is written down.
    out = cells_of(clerk.get(f"/people/roster.xlsx?organisation={world.enterprise.id}").data)
    row = next(line for line in out if "张三丰" in line)
    assert row == [
        "云岭建设有限公司", "张三丰", "居民身份证", numbers[0][:3] + "*" * 13 + numbers[0][-2:], "", "A-1",
        "生产部/一车间/甲班", "电工", "", "正式", "", "2026-01-05", "",
    ]  # fmt: skip
    assert session.scalar(sa.select(sa.func.count()).select_from(Disclosure)) == 4

    clock.advance(7 * 24 * 3_600_000)
    clerk = browser(world.clerk)
    assert drafts.forget_old(session, at=clock()) == 2
    assert session.scalar(sa.select(sa.func.count()).select_from(RosterLine)) == 0
    assert session.scalars(sa.select(RosterDraft.data_key)).all() == [None, None]
    assert "3 Unchanged" in clerk.page(again), "counts stay"
    assert clerk.get(f"{address}/refused.xlsx").status_code == 404


def stored(session: Session) -> bytes:
    """Everything of rosters and of jobs as it lies in the database."""
    found = [
        session.scalar(sa.text(f"SELECT convert_to(coalesce(string_agg(t::text, ''), ''), 'UTF8') FROM {table} t"))
        for table in ("elearn.roster_draft", "elearn.roster_line", "procrastinate.procrastinate_jobs")
    ]
    raw = [
        session.scalar(sa.text(f"SELECT coalesce(string_agg({column}, ''::bytea), ''::bytea) FROM {table}"))
        for table, column in (
            ("elearn.roster_draft", "content_sealed"),
            ("elearn.roster_draft", "header_sealed"),
            ("elearn.roster_line", "content_sealed"),
        )
    ]
    return b"".join(bytes(one) for one in (*found, *raw) if one is not None)


def test_what_is_missing_leaves_only_when_it_is_said_and_said_twice_when_it_is_many(
    session: Session, world: World, browser: Browsers, clock: ManualClock
) -> None:
    clerk = browser(world.clerk)
    numbers = [people.a_resident_id() for _ in range(3)]
    header = ("姓名", "证件号码", "用工形式")
    first = send(clerk, world.enterprise, text([("甲甲", numbers[0], "正式"), ("乙乙", numbers[1], "正式"),
                                                ("丙丙", numbers[2], "灵活用工")], header=header), "a.csv")  # fmt: skip
    read(session, first, clock)
    assert "Not in the file" in clerk.page(first), "李明 is a member"
    clerk.post(f"{first}/take", {"rows": "whole"})
    take(session, first, clock)
    clock.advance(24 * 3_600_000)
    clerk = browser(world.clerk)

    # One row names only 甲甲; 李明 and 乙乙 are missing, 丙丙 is employed in a way that the file does not speak of.
    second = send(clerk, world.enterprise, text([("甲甲", numbers[0], "正式")], header=header), "b.csv")
    read(session, second, clock)
    page = clerk.page(f"{second}?show=missing")
    assert "乙乙" in page
    assert "李明" in page
    assert "丙丙" not in page
    assert "2 of 4 people" in page
    refused = clerk.post(f"{second}/take", {"rows": "whole", "missing_left": "1"})
    assert refused.status_code == 422
    assert "2 of 4 people would leave. Confirm that this is right." in text_of(refused)
    assert drafts.own_draft(session, id_in(second)).state == "ready"
    clerk.post(f"{second}/take", {"rows": "whole", "missing_left": "1", "agreed": "1"})
    take(session, second, clock)
    take(session, second, clock)  # a worker that died before it could say so
    assert "2 Left: not in the file" in clerk.page(second)
    left = session.scalars(
        sa.select(Person.name)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == world.enterprise.id, Membership.to_on.is_not(None))
        .order_by(Person.name)
    ).all()
    assert sorted(left) == ["乙乙", "李明"]
    assert set(session.scalars(sa.select(Membership.to_on).where(Membership.to_on.is_not(None)))) == {
        date(2026, 7, 2) - timedelta(days=1)
    }
    assert (
        session.scalar(sa.select(sa.func.count()).select_from(Placement).where(Placement.to_on == date(2026, 7, 1)))
        == 2
    )


def test_somebody_whom_another_employer_brought_looks_exactly_like_a_new_person(
    session: Session, world: World, browser: Browsers, clock: ManualClock
) -> None:
    known = people.a_resident_id()
    other = people.a_person(session, name="周洲", document_number=known)
    organisations.join(
        session, other.id, world.other_enterprise.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=people.AT
    )
    # Nobody has signed in with it yet, and still it is not this employer's to change.
    accounts.open_account(session, other.id, phone="13912345678", keys=KEYS, at=people.AT)
    new = people.a_resident_id()
    header = ("姓名", "证件号码", "手机号")
    clerk = browser(world.clerk)

    def lines_of(rows: list[tuple[str, str, str]]) -> list[tuple[str, list[str]]]:
        address = send(clerk, world.enterprise, text(rows, header=header), "a.csv")
        read(session, address, clock)
        page = clerk.page(address)
        assert "金沙矿业" not in page
        assert "12345678" not in page
        return [
            (one.verdict, one.changes)
            for one in session.scalars(
                sa.select(RosterLine).where(RosterLine.draft_id == id_in(address)).order_by(RosterLine.line)
            )
        ]

    assert lines_of([("周洲", known, "13900000001"), ("郑正", new, "13900000002")]) == [("new", []), ("new", [])]
    address = send(clerk, world.enterprise, text([("周舟", known, ""), ("郑正", new, "")], header=header), "b.csv")
    read(session, address, clock)
    page = clerk.page(address)
    assert "Name and document number do not belong together. Check both against the document." in page
    assert "周洲" not in page
    assert "registered" not in page
    # Taken in, the account is left alone: its number is its holder's.
    address = send(clerk, world.enterprise, text([("周洲", known, "13900000001")], header=header), "c.csv")
    read(session, address, clock)
    clerk.post(f"{address}/take", {"rows": "whole"})
    take(session, address, clock)
    index = session.scalar(sa.select(Account.phone_index).where(Account.person_id == other.id))
    again = send(clerk, world.enterprise, text([("周洲", known, "13900000009")], header=header), "d.csv")
    read(session, again, clock)
    assert "1 Unchanged" in clerk.page(again)
    assert session.scalar(sa.select(Account.phone_index).where(Account.person_id == other.id)) == index
    assert session.scalar(sa.select(sa.func.count()).where(Membership.person_id == other.id)) == 2
    shown = text_of(clerk.post("/people/slips", {"organisation": str(world.enterprise.id)}))
    assert "周洲" not in shown, "no slip opens an account that another employer brought"


def test_rosters_are_the_employer_s_own_and_bad_forms_say_what_is_wrong(
    session: Session, app: Flask, world: World, browser: Browsers, clock: ManualClock
) -> None:
    clerk, other = browser(world.clerk), browser(world.other_clerk)
    content = text([("甲甲", people.a_resident_id(), "")], header=("姓名", "证件号码", "部门"))
    address = send(clerk, world.enterprise, content, "a.csv")
    read(session, address, clock)
    for path in (address, f"{address}/refused.xlsx", f"/people/import?organisation={world.enterprise.id}",
                 f"/people/roster.xlsx?organisation={world.enterprise.id}",
                 f"/people/slips?organisation={world.enterprise.id}"):  # fmt: skip
        assert other.get(path).status_code == 404, path
    doors: tuple[tuple[str, dict[str, object]], ...] = (
        (f"{address}/take", {"rows": "whole"}),
        (f"{address}/withdraw", {}),
        ("/people/import", {"organisation": str(world.enterprise.id), "file": (io.BytesIO(content), "a.csv")}),
        ("/people/slips", {"organisation": str(world.enterprise.id)}),
    )
    for path, brought in doors:
        assert other.post(path, brought, content_type="multipart/form-data").status_code == 404, path
    for account in (world.worker, world.manager, world.auditor, world.operator):
        assert browser(account).get(address).status_code == 403
    assert browser(None).get(address).status_code == 303
    assert drafts.own_draft(session, id_in(address)).state == "ready"

    for nothing, why in (
        (None, "Choose a file."),
        (b"", "Choose a file."),
    ):
        form: dict[str, object] = {"organisation": str(world.enterprise.id)}
        if nothing is not None:
            form["file"] = (io.BytesIO(nothing), "a.csv")
        answer = clerk.post("/people/import", form, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert why in text_of(answer)
    for file, why in (
        (b"\xd0\xcf\x11\xe0" + bytes(600), "This is an old or a locked Excel file."),
        (b"PK\x03\x04 nothing of the kind", "This is no spreadsheet that can be read (XLSX or CSV)."),
        (b"<html><table></table></html>", "This is no spreadsheet that can be read (XLSX or CSV)."),
        ("姓名,电话\n甲,1".encode(), "No row with the columns 姓名 and 证件号码 was found within the first 30 rows."),
        ("姓名,证件号码\n".encode(), "No row was found."),
    ):
        bad = send(clerk, world.enterprise, file, "a.csv")
        read(session, bad, clock)
        page = clerk.page(bad)
        assert why in page
        assert "Cannot be read" in page
        draft = drafts.own_draft(session, id_in(bad))
        assert draft.data_key is draft.content_sealed is None

    # All or nothing, and one is wrong: nothing; then withdrawn, and gone.
    mixed = text([("甲甲", people.a_resident_id(), ""), ("乙乙", "123", "")], header=("姓名", "证件号码", "部门"))
    address = send(clerk, world.enterprise, mixed, "a.csv")
    read(session, address, clock)
    answer = clerk.post(f"{address}/take", {"rows": "whole"})
    assert answer.status_code == 422
    assert "Nothing was taken: some rows are wrong, and you chose all or nothing." in text_of(answer)
    assert clerk.post(f"{address}/withdraw").status_code == 303
    assert "deleted" in clerk.page(address)
    answer = clerk.post(f"{address}/take", {"rows": "good"})
    assert answer.status_code == 422
    assert session.scalar(sa.select(sa.func.count()).where(Membership.organisation_id == world.enterprise.id)) == 1
    assert "文件中的内容已删除" in clerk.page(f"{address}?lang=zh")
    form_rows = cells_of(clerk.get("/people/import/form.xlsx").data)
    assert form_rows[0][:3] == ["*姓名", "证件类型", "*证件号码"]


@pytest.mark.parametrize("count", [3, 120])
def test_statements_do_not_grow_with_the_rows(session: Session, world: World, clock: ManualClock, count: int) -> None:
    """Of one piece: a thousand rows ask as often as three."""
    rows = [(f"工友{chr(0x4E00 + place)}", people.a_resident_id(), f"{place % 3}班") for place in range(count)]
    draft = drafts.ask(
        session,
        world.enterprise,
        name="a.csv",
        content=text(rows, header=("姓名", "证件号码", "班组")),
        categories={},
        by=world.clerk.person_id,
        keys=KEYS,
        at=clock(),
    )
    with statements(session) as sent:
        looking.read(session, draft.id, keys=KEYS, now=clock)
        taking.confirm(session, draft.id, taking.Wishes(make_units=True), by=world.clerk.person_id, at=clock())
        taking.take(session, draft.id, keys=KEYS, now=clock)
    assert len(sent) < 110, len(sent)
    assert drafts.own_draft(session, draft.id).result["new"] == count


def test_a_group_s_clerk_sends_one_roster_and_each_enterprise_s_part_is_looked_at(
    session: Session, world: World, browser: Browsers, clock: ManualClock
) -> None:
    group = people.an_organisation(session, name="云岭集团")
    group.level = OrganisationLevel.GROUP
    session.flush()
    world.enterprise.parent_id = group.id
    second = people.an_organisation(session, name="云岭矿业")
    second.parent_id = group.id
    clerk_account = people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=group.id)
    session.commit()
    clerk = browser(clerk_account)
    assert "One file for the whole group" in clerk.page(f"/people/import?organisation={group.id}")
    assert "One file for the whole group" not in browser(world.clerk).page("/people/import")
    [head, *_rest] = cells_of(clerk.get("/people/import/form.xlsx?group=1").data)
    assert head[0] == "*单位"
    rows = [
        ("云岭建设有限公司", "甲甲", people.a_resident_id()),
        ("云岭矿业", "乙乙", people.a_resident_id()),
        ("金沙矿业", "丙丙", people.a_resident_id()),
    ]
    address = send(clerk, group, text(rows, header=("所属公司", "姓名", "证件号码")), "a.csv")
    read(session, address, clock)
    page = clerk.page(address)
    assert "By enterprise" in page
    assert "“金沙矿业” is no enterprise of this group" in page
    mine = clerk.page(f"{address}?show=new&employer={second.id}")
    assert "乙乙" in mine
    assert "甲甲" not in mine
    assert clerk.page(f"{address}?employer=x")
    for other in (world.clerk, world.other_clerk):
        assert browser(other).get(address).status_code == 404, "the group's own file, with the neighbour's people"
    assert clerk.post(f"{address}/take", {"rows": "good"}).status_code == 303
    take(session, address, clock)
    placed = sa.select(Membership.organisation_id).join(Person, Person.id == Membership.person_id)
    assert session.scalars(placed.where(Person.name == "乙乙")).all() == [second.id]
    assert session.scalars(placed.where(Person.name == "丙丙")).all() == []
    assert "Refused rows" in clerk.page(address)
