"""Once an hour a time stamp authority stamps the newest checkpoint; whatever it does, nothing waits for it."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.credit_export.ledger import doors, stamping, stamps
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.stamp_standing import command, read_stamping, state_of
from elearn.credit_export.ledger.stamping import Office, stamp
from elearn.credit_export.ledger_check import check_hours
from elearn.people.models import Role
from tests.builders_people import an_account, signed_in
from tests.credit_export.ledger.log.school import a_learner
from tests.credit_export.ledger.stamps.an_authority import TimeStampAuthority, serving
from tests.hours import a_house

HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    """The time of the test: the authority's clock is the machine's, and a long run has begun long before."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TimeStampAuthority:
    return TimeStampAuthority.in_directory(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture
def authority(made: TimeStampAuthority) -> Iterator[TimeStampAuthority]:
    made.does, made.asked, made.last = "stamps", 0, b""
    with serving(made):
        yield made


@pytest.fixture
def house(app: Flask, tmp_path: Path) -> House:
    with app.app_context():
        found = a_house(tmp_path)
        app.extensions["elearn"].kept[doors.DESK] = found.desk
        return found


@pytest.fixture
def office(house: House, authority: TimeStampAuthority) -> Office:
    return Office(authority.url, house.desk.ledger_dir)


def grow(session: Session, house: House, at: datetime) -> int:
    """The log has more leaves; answers how many."""
    a_learner(session)
    advance(session, now=at, house=house)
    return int(session.scalar(sa.text("SELECT max(size) FROM elearn.ledger_checkpoint")) or 0)


def test_the_newest_checkpoint_is_stamped_once_an_hour_and_shown_as_files_that_openssl_verifies(
    session: Session, now: datetime, client: FlaskClient, house: House, office: Office, authority: TimeStampAuthority
) -> None:
    size = grow(session, house, now)
    assert [row.size for row in stamp(session, now=now, office=office)] == [size]
    grow(session, house, now + timedelta(minutes=1))
    assert stamp(session, now=now + HOUR - timedelta(seconds=1), office=office) == []
    larger = grow(session, house, now + HOUR)
    assert [row.size for row in stamp(session, now=now + HOUR, office=office)] == [larger]
    assert stamp(session, now=now + 3 * HOUR, office=office) == [], "nothing has come since"
    assert authority.asked == 2
    name = house.origin(now).rpartition("/")[2]
    where = f"/ledger/{name}/stamp"
    assert client.get(f"{where}/newest").text == f"{larger}\n"
    text, reply = client.get(f"{where}/{larger}.txt"), client.get(f"{where}/{larger}.tsr")
    assert (reply.mimetype, "immutable" in reply.headers["Cache-Control"]) == ("application/timestamp-reply", True)
    assert client.get(f"/ledger/{name}/checkpoint").text.startswith(text.text)
    assert client.get(f"{where}/{size}.tsr").status_code == 200
    for path in ("1.tsr", "..%2fcheckpoint", "newest.txt", "01.tsr", f"{larger}.pem"):
        assert client.get(f"{where}/{path}").status_code == 404
    directory = directory_of(office.ledger_dir, house.origin(now)) / "stamp"
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-data", f"{larger}.txt", "-in", f"{larger}.tsr", "-CAfile", authority.root_file],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Verification: OK" in done.stdout + done.stderr
    stamped = stamps.require(reply.data, text.data, authority.roots)
    assert abs(stamped - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(reply.data) < 1_500


def test_files_that_were_lost_are_written_anew_from_the_database(
    session: Session, now: datetime, house: House, office: Office
) -> None:
    first = grow(session, house, now)
    stamp(session, now=now, office=office)
    second = grow(session, house, now + HOUR)
    stamp(session, now=now + HOUR, office=office)
    directory = directory_of(office.ledger_dir, house.origin(now)) / "stamp"
    there = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert set(there) == {"newest", *(f"{size}.{kind}" for size in (first, second) for kind in ("txt", "tsr"))}
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    stamp(session, now=now + HOUR, office=office)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == there


MANNERS = [
    ("garbage", "cannot be read as a time stamp"),
    ("error", "it answers 503"),
    ("refuses", "no stamp was granted (status 2)"),
    ("sleeps", "timed out"),
]


@pytest.mark.parametrize(("does", "said"), MANNERS)
def test_an_authority_that_gives_no_stamp_is_told_and_asked_again(
    session: Session, now: datetime, house: House, office: Office, authority: TimeStampAuthority,
    monkeypatch: pytest.MonkeyPatch, does: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(stamping, "SILENCE_S", 0.3)
    authority.does = does
    size = grow(session, house, now)
    assert stamp(session, now=now, office=office) == []
    told = read_stamping(office.ledger_dir)
    assert (told.state, told.newest) == ("away", None)
    assert said in told.sentences()[0]
    assert stamp(session, now=now + timedelta(seconds=1), office=office) == []
    assert authority.asked == 1, "it is not asked again at once"
    authority.does = "stamps"
    assert [row.size for row in stamp(session, now=now + timedelta(minutes=1), office=office)] == [size]
    assert read_stamping(office.ledger_dir).state == "ok"


def test_nobody_at_the_address(session: Session, now: datetime, house: House, office: Office) -> None:
    grow(session, house, now)
    nobody = dataclasses.replace(office, tsa="http://127.0.0.1:1/stamp")
    assert stamp(session, now=now, office=nobody) == []
    assert "refused" in read_stamping(office.ledger_dir).sentences()[0].lower()


def test_an_old_answer_given_again_is_no_stamp(
    session: Session, now: datetime, house: House, office: Office, authority: TimeStampAuthority
) -> None:
    grow(session, house, now)
    stamp(session, now=now, office=office)
    authority.does = "repeats"
    grow(session, house, now + HOUR)
    assert stamp(session, now=now + HOUR, office=office) == []
    assert "another text" in read_stamping(office.ledger_dir).sentences()[0]


def test_clocks_that_differ_are_told_and_the_stamp_is_kept(
    session: Session, now: datetime, house: House, office: Office
) -> None:
    behind = now - timedelta(hours=2)
    grow(session, house, behind)
    assert len(stamp(session, now=behind, office=office)) == 1
    told = read_stamping(office.ledger_dir)
    assert told.state == "alarm"
    assert re.search(r"differ by 7\d{3} s", told.sentences()[0])


def test_page_and_command_say_how_it_stands(
    app: Flask, session: Session, now: datetime, client: FlaskClient, house: House, office: Office,
    authority: TimeStampAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    parts = app.extensions["elearn"]
    account = an_account(session, Role.OPERATOR)
    session.commit()
    signed_in(client, session, account)

    def page(language: str) -> str:
        return client.get(f"/receivers?lang={language}", headers={"Accept": "text/html"}).text

    def health() -> str:
        return state_of(office.ledger_dir, parts.settings.ledger_tsa)

    assert (health(), "ELEARN_LEDGER_TSA names none" in page("en")) == ("off", True)
    before = parts.settings
    parts.settings = dataclasses.replace(before, ledger_tsa=authority.url)
    try:
        grow(session, house, now)
        stamp(session, now=now, office=office)
        assert (health(), "stamps the log once an hour" in page("en")) == ("ok", True)
        authority.does = "garbage"
        grow(session, house, now + HOUR)
        stamp(session, now=now + HOUR, office=office)
        g.pop("elearn_language", None)
        assert (health(), "时间戳机构需要检查" in page("zh")) == ("away", True)
    finally:
        parts.settings = before
    monkeypatch.setenv("ELEARN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ELEARN_LEDGER_DIR", str(office.ledger_dir))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert CliRunner().invoke(command).output.startswith("time stamps: off, newest ")
    monkeypatch.setenv("ELEARN_LEDGER_TSA", authority.url)
    done = CliRunner().invoke(command)
    assert (done.exit_code, "cannot be read as a time stamp" in done.output) == (1, True)
    assert done.output.startswith("time stamps: away, newest ")


def test_stamps_are_added_and_never_changed(session: Session, now: datetime, house: House, office: Office) -> None:
    grow(session, house, now)
    stamp(session, now=now, office=office)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        session.execute(sa.text("UPDATE elearn.ledger_stamp SET size = size"))


DEEDS = [
    ("UPDATE elearn.ledger_stamp SET stamped_at = stamped_at - interval '1 day'", "is kept as of"),
    ("UPDATE elearn.ledger_stamp SET reply = 'x'", "cannot be read"),
    (
        "INSERT INTO elearn.ledger_stamp SELECT s.origin, c.size, s.reply, s.stamped_at, s.made_at "
        "FROM elearn.ledger_stamp s JOIN elearn.ledger_checkpoint c ON c.origin = s.origin AND c.size > s.size",
        "another text",
    ),
]


def test_ledger_check_names_stamps_that_were_changed(
    session: Session, now: datetime, house: House, office: Office
) -> None:
    grow(session, house, now)
    stamp(session, now=now, office=office)
    grow(session, house, now + HOUR)
    assert [one for one in check_hours(session) if one.where == "ledger_stamp"] == []
    session.execute(sa.text("ALTER TABLE elearn.ledger_stamp DISABLE TRIGGER USER"))
    for deed, said in DEEDS:
        with session.begin_nested() as done:
            session.execute(sa.text(deed))
            session.expire_all()
            found = [str(one) for one in check_hours(session) if one.where == "ledger_stamp"]
            assert (len(found), said in found[0]) == (1, True), found
            done.rollback()
