"""Archives of a person and of an enterprise: what they hold, who takes them, and that nobody changes one unseen."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.archive import archive_check, bundle_form, bundle_verifying
from elearn.credit_export.exam_system.package_verifying import PackageRefused
from elearn.people import consents, organisations
from elearn.people.models import Disclosure, EmploymentKind, Person, Role
from elearn.training.archives import enterprise as enterprise_archive
from elearn.training.archives.inspecting import InspectorLook
from elearn.training.archives.models import EnterpriseArchive, TrainingArchiveTaken
from elearn.training.telling.messages import Message
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.training.test_figure_pages import busy
from tests.training.test_figures import NOW, TODAY, Firm
from tests.training.test_inspection import a_link

__all__ = ["busy"]


def data_of(content: bytes, section: str) -> object:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return json.loads(package.read(bundle_form.section_name(section)))


def changed(content: bytes, name: str, old: bytes, new: bytes) -> io.BytesIO:
    """The same zip with one file that somebody touched."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for one in source.infolist():
            data = source.read(one)
            assert one.filename != name or old in data
            target.writestr(one, data.replace(old, new) if one.filename == name else data)
    return out


def test_a_persons_archive_holds_what_belongs_to_the_employer_and_is_verified_elsewhere(
    client: FlaskClient, session: Session, busy: Firm, clock: ManualClock, tmp_path: Path
) -> None:
    clock.now = NOW
    member, own = busy.members[0], busy.employers[0]
    busy.certify(member)
    busy.certificates[-1].title = "低压电工作业"
    # The same person works elsewhere too, and learned there.
    second = organisations.join(session, member.person_id, busy.employers[1].id, EmploymentKind.FLEXIBLE, TODAY, at=NOW)
    busy.assign(second, 1)
    busy.learn(second, 1, ms=7_200_000)
    clerk = people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=busy.shops[0].id)
    people.signed_in(client, session, clerk)
    client.get("/language/en")
    page = client.get(f"/people/archives/{member.id}").text
    assert "Hours from elsewhere" in page
    assert "not shown" in page
    assert "低压电工作业" in page
    taken = client.get(f"/people/archives/{member.id}/archive.zip")
    assert taken.headers["Cache-Control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(taken.data)) as package:
        assert {"index.pdf", "index-en.pdf", "archive.xlsx"} < set(package.namelist())
        assert package.read("index.pdf").startswith(b"%PDF")
    assert data_of(taken.data, "elsewhere") == []
    hours = data_of(taken.data, "hours")
    assert isinstance(hours, list)
    assert [one["ms"] for one in hours[0]["entries"]] == [5_400_000]
    assert busy.employers[1].name not in json.dumps([data_of(taken.data, one) for one in ("placements", "person")])
    with pytest.raises(AssertionError):
        changed(taken.data, "data/hours.json", b"no such bytes", b"")
    file = tmp_path / "a.zip"
    file.write_bytes(taken.data)
    told = CliRunner().invoke(archive_check.check, [str(file)])
    assert told.exit_code == 2, "whole, signed by a key that nobody named"
    assert "1 entries, 5400000 ms, added up again" in told.output
    for name, old, new, reason in (
        ("data/hours.json", b"5400000", b"9400000", "file"), ("manifest.json", b"5400000", b"9400000", "signature"),
    ):  # fmt: skip
        with pytest.raises(PackageRefused) as refused:
            bundle_verifying.verify(changed(taken.data, name, old, new), bundle_form.PERSON)
        assert refused.value.reason == reason
    with pytest.raises(PackageRefused):
        bundle_verifying.verify(io.BytesIO(taken.data), bundle_form.ENTERPRISE)
    # It is written down, for the person too; with consent the sums of elsewhere stand in it.
    assert session.scalars(sa.select(Disclosure).where(Disclosure.person_id == member.person_id)).all()
    assert session.scalars(sa.select(TrainingArchiveTaken.person_id)).all() == [member.person_id]
    consents.say(session, member.person_id, own.id, consents.What.HOURS_ELSEWHERE, given=True, words="w", at=NOW)
    session.commit()
    agreed = client.get(f"/people/archives/{member.id}/archive.zip")
    elsewhere = data_of(agreed.data, "elsewhere")
    assert isinstance(elsewhere, list)
    assert [one["ms"] for one in elsewhere] == [7_200_000]


def test_an_archive_of_a_person_opens_for_the_own_subtree_alone(
    client: FlaskClient, session: Session, busy: Firm
) -> None:
    member = busy.members[0]
    for role, unit, wanted in (
        (Role.PRINCIPAL, busy.employers[0], 200), (Role.SAFETY_MANAGER, busy.shops[1], 404),
        (Role.ENTERPRISE_CLERK, busy.employers[1], 404), (Role.AUDITOR, busy.group, 403),
    ):  # fmt: skip
        people.signed_in(client, session, people.an_account(session, role, organisation_id=unit.id))
        for path in (f"/people/archives/{member.id}", f"/people/archives/{member.id}/archive.zip"):
            assert client.get(path).status_code == wanted, (role, path)


def test_an_enterprises_archive_is_made_by_a_job_with_masked_names_and_goes_after_a_week(
    client: FlaskClient, session: Session, busy: Firm, clock: ManualClock
) -> None:
    clock.now = NOW
    own = busy.employers[0]
    session.get_one(Person, busy.members[0].person_id).name = "欧阳志远"
    session.commit()
    header = people.signed_in(client, session, people.an_account(session, Role.PRINCIPAL, organisation_id=own.id))
    assert client.post(f"/figures/{own.id}/archives", data={"year": "1066"}, headers=header).status_code == 400
    assert client.post(f"/figures/{busy.group.id}/archives", data={"year": "2026"}, headers=header).status_code == 404
    for _again in range(2):
        asked = client.post(f"/figures/{own.id}/archives", data={"year": "2026"}, headers=header)
        assert asked.status_code == 303
    row = session.scalars(sa.select(EnterpriseArchive)).one()
    take = f"/figures/archives/{row.id}/archive.zip"
    assert client.get(take).status_code == 404, "not made yet"
    enterprise_archive.make_prepared(archive_id=str(row.id))
    enterprise_archive.make_prepared(archive_id=str(row.id))
    told = session.scalars(sa.select(Message)).one()
    assert (told.kind, told.facts) == ("archive_ready", {"organisation": own.name}), "once, to who asked"
    content = client.get(take).data
    found = bundle_verifying.verify(io.BytesIO(content), bundle_form.ENTERPRISE)
    assert (found.manifest["counts"]["people"], found.total_ms) == (3, 5_400_000)
    assert "欧阳志远" not in json.dumps(data_of(content, "people"), ensure_ascii=False)
    assert {one.person_id for one in session.scalars(sa.select(Disclosure))} == {
        one.person_id for one in busy.members[:3]
    }
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        book = openpyxl.load_workbook(io.BytesIO(package.read("archive.xlsx")))
        assert book["人员"].max_row == 4
    # An inspector of the year takes it too, and the look is written down; one of another year does not.
    for year, wanted in (("2026", 200), ("2025", 404)):
        path, _maker, _header = a_link(client, session, busy, year=year)
        visitor = client.application.test_client()
        assert visitor.get(f"{path}/archives/{row.id}.zip").status_code == wanted
        assert (str(row.id) in visitor.get(path).text) is (wanted == 200)
    assert "archive" in session.scalars(sa.select(InspectorLook.what)).all()
    clock.now = NOW + timedelta(days=7)
    enterprise_archive.daily()
    session.refresh(row)
    assert (row.state, row.people) == ("gone", None)


def test_a_copy_goes_when_somebody_in_it_is_erased(session: Session, busy: Firm) -> None:
    made = enterprise_archive.ask_for(
        session, busy.group.id, 2026, full_names=True, by=busy.members[3].person_id, now=NOW
    )
    session.commit()
    enterprise_archive.make_prepared(archive_id=str(made.id))
    session.refresh(made)
    assert made.state == "ready"
    session.execute(sa.update(Person).where(Person.id == busy.members[0].person_id).values(data_key=None))
    session.refresh(made)
    assert made.state == "gone"


def test_an_archive_of_more_people_than_one_holds_is_refused(
    client: FlaskClient, session: Session, busy: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enterprise_archive, "MOST_PEOPLE", 3)
    header = people.signed_in(
        client, session, people.an_account(session, Role.PRINCIPAL, organisation_id=busy.group.id)
    )
    assert client.post(f"/figures/{busy.group.id}/archives", data={"year": "0"}, headers=header).status_code == 409
    assert client.post(f"/figures/{busy.shops[0].id}/archives", data={"year": "0"}, headers=header).status_code == 303
