"""Making packages and reading receipt files: by page and by command, by whom, and what is said when it is wrong."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import package_commands
from elearn.credit_export.exam_system.package_check import check
from elearn.credit_export.exam_system.package_verifying import verify
from elearn.credit_export.exam_system.signing import Signer
from elearn.people.models import Role
from tests.builders_people import an_account, signed_in
from tests.conftest import scalar
from tests.credit_export.exam_system.builders import SIGNER, School, a_package, a_record, a_row, a_school, known_keys
from tests.credit_export.exam_system.test_receipt_files import receipt, saved

PAGE = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
def school(session: Session) -> School:
    school = a_school(session)
    a_record(session, school.person("张三"), school.class_id)
    session.commit()
    return school


def place(school: School, what: str = "packages") -> str:
    return f"/receivers/{school.desk.receiver.client_id}/{what}"


def as_role(client: FlaskClient, session: Session, role: Role) -> dict[str, str]:
    return signed_in(client, session, an_account(session, role)) | PAGE


def test_an_operator_makes_a_package_and_it_is_recorded(client: FlaskClient, session: Session, school: School) -> None:
    headers = as_role(client, session, Role.OPERATOR)
    answer = client.post(place(school), headers=headers, data={"since": "2026-06-01", "class_no": "2026-01"})
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    found = verify(io.BytesIO(answer.data), trusted=known_keys())
    assert found.manifest["class_no"] == "2026-01"
    assert scalar(session, "SELECT count(*) FROM elearn.disclosure WHERE reason LIKE 'package%person%'") == 1
    assert "1 records" in client.get(place(school), headers=PAGE).get_data(as_text=True)


@pytest.mark.parametrize(
    ("what", "data", "said"),
    [
        ("nobody in it", {"since": "2030-01-01"}, "Nobody is in this package"),
        ("a day that is none", {"since": "yesterday"}, "A date has the form"),
        ("a class that is not there", {"class_no": "77"}, "no class of this number"),
    ],
)
def test_a_package_of_nobody_is_not_made_and_nothing_leaves(
    client: FlaskClient, session: Session, school: School, what: str, data: dict[str, str], said: str
) -> None:
    answer = client.post(place(school), headers=as_role(client, session, Role.OPERATOR), data=data)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True), what
    assert scalar(session, "SELECT count(*) FROM elearn.disclosure") == 0


def sheet_of(package: bytes, *edits: Any) -> bytes:
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        book = openpyxl.load_workbook(io.BytesIO(opened.read("records.xlsx")))
    for edit in edits:
        edit(book.worksheets[0])
    return saved(book)


def test_a_receipt_file_is_read_back_and_the_page_names_each_row(
    client: FlaskClient, session: Session, school: School
) -> None:
    headers = as_role(client, session, Role.OPERATOR)
    package = client.post(place(school), headers=headers).data
    content = sheet_of(package, *receipt(1, "退回", "A01", "照片不清"))
    for said in ("taken: 1", "known already: 1"):
        answer = client.post(
            place(school, "receipt-files"), headers=headers, data={"file": (io.BytesIO(content), "回执.xlsx")}
        )
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert said in text
        assert "回执.xlsx" in text
    assert scalar(session, "SELECT count(*) FROM elearn.receipt") == 1


@pytest.mark.parametrize("content", [b"", b"no spreadsheet"])
def test_a_file_that_is_none_is_refused_beside_its_field(
    client: FlaskClient, session: Session, school: School, content: bytes
) -> None:
    headers = as_role(client, session, Role.OPERATOR)
    answer = client.post(
        place(school, "receipt-files"), headers=headers, data={"file": (io.BytesIO(content), "x.xlsx")}
    )
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.get_data(as_text=True)


def test_an_auditor_sees_what_was_made_and_makes_nothing(client: FlaskClient, session: Session, school: School) -> None:
    headers = as_role(client, session, Role.AUDITOR)
    page = client.get(place(school), headers=headers)
    assert page.status_code == 200
    assert "Make a package" not in page.get_data(as_text=True)
    for door in ("packages", "receipt-files"):
        assert client.post(place(school, door), headers=headers).status_code == 403


@pytest.mark.parametrize("role", [Role.LEARNER, Role.REGULATOR_OFFICER])
def test_nobody_else_comes_near(client: FlaskClient, session: Session, school: School, role: Role) -> None:
    account = an_account(session, role, region="530000")
    headers = signed_in(client, session, account)
    assert client.get(place(school), headers=headers).status_code == 403
    assert client.post(place(school), headers=headers).status_code == 403


def test_a_receiver_that_is_not_there_has_no_packages(client: FlaskClient, session: Session, school: School) -> None:
    assert client.get("/receivers/exam-x/packages", headers=as_role(client, session, Role.OPERATOR)).status_code == 404


# --- by command -------------------------------------------------------------------------------------------------------


def run(app: Flask, command: Any, *arguments: object) -> Any:
    with app.app_context():
        return CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)


def test_a_package_is_made_checked_and_answered_by_command(
    app: Flask, session: Session, school: School, tmp_path: Path
) -> None:
    client_id, zip_, keys = school.desk.receiver.client_id, tmp_path / "out.zip", tmp_path / "keys.json"
    made = run(app, package_commands.make, client_id, "--since", "2026-06-01", "--class", "2026-01", "-o", zip_)
    assert made.exit_code == 0
    assert "1 records" in made.output
    assert zip_.stat().st_mode & 0o077 == 0, "it holds document numbers"
    keys.write_text(json.dumps(SIGNER.key_set()))
    assert run(app, check, zip_, "--keys", keys).exit_code == 0
    answer = tmp_path / "answer.xlsx"
    answer.write_bytes(sheet_of(zip_.read_bytes(), *receipt(1, "受理")))
    for said in ("taken 1", "same 1"):
        taken = run(app, package_commands.receipt, client_id, answer)
        assert (taken.exit_code, taken.output.strip()) == (0, said)


def test_a_row_that_needs_somebody_is_printed_and_the_status_says_so(
    app: Flask, session: Session, school: School, tmp_path: Path
) -> None:
    client_id, zip_, answer = school.desk.receiver.client_id, tmp_path / "out.zip", tmp_path / "answer.xlsx"
    run(app, package_commands.make, client_id, "-o", zip_)
    answer.write_bytes(sheet_of(zip_.read_bytes(), *receipt(1, "也许")))
    taken = run(app, package_commands.receipt, client_id, answer)
    assert taken.exit_code == 1
    assert "row 2: no_result" in taken.output


@pytest.mark.parametrize(
    ("what", "options", "status", "said"),
    [
        ("a key one knows", ["--key", SIGNER.kid], 0, "OK"),
        ("no key named", [], 2, "NOT known"),
        ("another key", ["--key", Signer.from_seed(b"o" * 32).kid], 1, "REFUSED (key)"),
    ],
)
def test_checking_says_whom_it_believed(tmp_path: Path, what: str, options: list[str], status: int, said: str) -> None:
    package = tmp_path / "p.zip"
    package.write_bytes(a_package([a_row()]))
    checked = CliRunner().invoke(check, [str(package), *options])
    assert checked.exit_code == status, what
    assert said in checked.output


def test_a_broken_package_is_refused_with_its_reason(tmp_path: Path) -> None:
    package = tmp_path / "p.zip"
    package.write_bytes(a_package([a_row()])[:-100])
    checked = CliRunner().invoke(check, [str(package), "--key", SIGNER.kid])
    assert checked.exit_code == 1
    assert checked.output.startswith("REFUSED (form)")


def test_a_profile_is_shown_changed_and_loaded_by_command(
    app: Flask, session: Session, school: School, tmp_path: Path
) -> None:
    client_id, file = school.desk.receiver.client_id, tmp_path / "profile.yaml"
    default = run(app, package_commands.profile).output
    file.write_text(default.replace("实修学时", "已修学时"))
    assert run(app, package_commands.profile, client_id, file).exit_code == 0
    assert "已修学时" in run(app, package_commands.profile, client_id).output
