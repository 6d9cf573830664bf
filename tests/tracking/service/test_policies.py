"""Rules of watching, loaded by command: the nearest region's holds, from its first day to its last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation
from elearn.people.models import Organisation
from elearn.tracking import policies, watched
from elearn.tracking.commands import tracking
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import WatchPolicy, WatchRule
from elearn.tracking.policy import Policy
from tests.builders_tracking import Watchable, a_player, a_watchable
from tests.conftest import ManualClock, scalar

YUNNAN = """
rules:
  - {region: everywhere, from: 2026-01-01}
  - {region: 530000, from: 2026-01-01, to: 2026-12-31, values: {rate_max_permille: 1250}}
  - {region: 530100, from: 2026-06-01, values: {rate_max_permille: 1500}}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "rules.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def command(*words: object) -> Result:
    return CliRunner().invoke(tracking, ["policy", *map(str, words)])


def in_region(session: Session, region: str | None) -> Watchable:
    lesson = a_watchable(session)
    session.get_one(Organisation, lesson.institution_id).region = region
    session.flush()
    return lesson


def test_what_is_loaded_holds_at_once_and_loading_it_again_changes_nothing(
    session: Session, clock: ManualClock, catalogue: Callable[[str], Path]
) -> None:
    path = catalogue(YUNNAN)
    tried = command("load", path, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "rate_max_permille: 1000 -> 1250" in tried.output
    assert tried.output.endswith("Nothing was changed.\n")
    assert scalar(session, "SELECT count(*) FROM elearn.watch_rule") == 0

    assert command("load", path).output.endswith("3 added, 0 ended, 0 there already.\n")
    assert command("load", path).output.endswith("0 added, 0 ended, 3 there already.\n")
    assert scalar(session, "SELECT count(*) FROM elearn.watch_rule") == 3
    assert scalar(session, "SELECT count(*) FROM elearn.watch_rule WHERE loaded_by = ''") == 0


def test_a_rule_that_ended_says_who_ended_it(
    session: Session, clock: ManualClock, catalogue: Callable[[str], Path]
) -> None:
    command("load", catalogue("rules: [{region: everywhere, from: 2026-01-01}]"))
    last = (clock() + timedelta(days=1)).date()
    told = command("load", catalogue(f"rules: [{{region: everywhere, from: 2026-01-01, to: {last}}}]"))
    assert told.output.endswith("0 added, 1 ended, 0 there already.\n")
    row = session.scalars(sa.select(WatchRule).execution_options(populate_existing=True)).one()
    assert (row.effective_to, row.closed_at is not None, bool(row.closed_by)) == (last, True, True)


def test_a_bad_catalogue_changes_nothing(session: Session, catalogue: Callable[[str], Path]) -> None:
    text = YUNNAN + "  - {region: 530000, from: 2026-12-31}\n"
    refused = command("load", catalogue(text))
    assert refused.exit_code == 1
    assert "rule 4: overlaps with 530000 from 2026-01-01 to 2026-12-31" in str(refused.exception)
    latin = catalogue("")
    latin.write_bytes(b"rules: []  # caf\xe9")
    assert "not UTF-8" in str(command("load", latin).exception)
    assert scalar(session, "SELECT count(*) FROM elearn.watch_rule") == 0


@pytest.mark.parametrize(
    ("region", "on", "permille"),
    [
        ("530000", date(2026, 6, 20), 1_250),
        ("530100", date(2026, 6, 20), 1_500),
        ("530102", date(2026, 6, 20), 1_500),
        ("530100", date(2026, 5, 31), 1_250),
        ("530100", date(2027, 1, 1), 1_500),
        ("530000", date(2026, 12, 31), 1_250),
        ("530000", date(2027, 1, 1), 1_000),
        ("310000", date(2026, 6, 20), 1_000),
        (None, date(2026, 6, 20), 1_000),
        ("530100", date(2025, 12, 31), None),
    ],
)
def test_the_nearest_region_s_rule_of_the_day_holds(
    session: Session, catalogue: Callable[[str], Path], region: str | None, on: date, permille: int | None
) -> None:
    command("load", catalogue(YUNNAN))
    rule = policies.nearest(session, region, on=on)
    found = None if rule is None else policies.by_digest(session, rule.policy).rate_max_permille
    assert found == permille


def test_a_sitting_is_opened_under_the_rule_of_its_institution_s_region_and_keeps_it(
    app: Flask, session: Session, clock: ManualClock, catalogue: Callable[[str], Path]
) -> None:
    lesson = in_region(session, "530102")
    before = a_player(app, session, lesson.learner_id)
    assert before.open(lesson.unit_id)["rate_max_permille"] == 1_000, "nothing is loaded: MODEL's values"
    command("load", catalogue(YUNNAN))
    before.play(15_000)
    assert scalar(session, "SELECT DISTINCT seen ->> 'policy' FROM elearn.report") == Policy().digest()

    assert before.open(lesson.unit_id)["rate_max_permille"] == 1_500
    far = in_region(session, "310000")
    assert a_player(app, session, far.learner_id).open(far.unit_id)["rate_max_permille"] == 1_000
    assert check_ledger(session) == []


def test_the_day_is_china_s_not_greenwich_s(
    app: Flask, session: Session, clock: ManualClock, catalogue: Callable[[str], Path]
) -> None:
    command("load", catalogue("rules: [{region: everywhere, from: 2026-07-01, values: {rate_max_permille: 1250}}]"))
    lesson = a_watchable(session)
    midnight = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
    clock.advance((midnight - clock()) // timedelta(milliseconds=1) - 1_000)
    player = a_player(app, session, lesson.learner_id)
    assert player.open(lesson.unit_id)["rate_max_permille"] == 1_000
    clock.advance(1_000)
    assert player.open(lesson.unit_id)["rate_max_permille"] == 1_250


def test_a_policy_that_is_given_wins(app: Flask, session: Session, catalogue: Callable[[str], Path]) -> None:
    command("load", catalogue(YUNNAN))
    strict = Policy(rate_max_permille=1_100)
    policies.give(app, strict)
    assert policies.in_force() == strict
    policies.give(app, None)
    assert policies.in_force() == Policy()


def test_show_names_the_rule_of_a_day_and_marks_what_is_not_models(
    session: Session, catalogue: Callable[[str], Path]
) -> None:
    nothing = command("show", "--on", "2026-06-20")
    assert "no rule was loaded, so MODEL's values hold" in nothing.output
    command("load", catalogue(YUNNAN))
    shown = command("show", "--on", "2026-06-20", "--region", "530102").output
    assert shown.startswith("2026-06-20, 530102: 530100 from 2026-06-01 until further notice\n")
    assert "* rate_max_permille: 1500\n" in shown
    assert "  day_cap_ms: 28800000\n" in shown
    assert "  presence_methods: [question]\n" in shown
    assert Policy(rate_max_permille=1_500).digest() in shown
    assert command("show", "--region", "yunnan").exit_code == 1
    assert command("show", "--on", "someday").exit_code == 2


def test_the_shipped_catalogue_is_loaded_without_a_file(session: Session) -> None:
    assert command("load").output.endswith("1 added, 0 ended, 0 there already.\n")
    assert policies.in_force() == Policy()


def loaded(session: Session, **changes: object) -> WatchRule:
    policies.keep(session, Policy(), Policy().digest())
    values: dict[str, object] = {
        "region": None,
        "effective_from": date(2026, 1, 1),
        "effective_to": None,
        "policy": Policy().digest(),
        "loaded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "loaded_by": "somebody",
    }
    rule = WatchRule(**(values | changes))
    session.add(rule)
    session.flush()
    return rule


def test_the_rules_in_force_are_listed_a_line_each_by_region_and_dates(session: Session) -> None:
    digest, said = Policy().digest(), "loaded 2026-01-01T00:00:00Z by somebody"
    ended: dict[str, object] = {"closed_at": datetime(2026, 6, 1, tzinfo=UTC), "closed_by": "somebody else"}
    loaded(session, region="530102", effective_from=date(2026, 8, 1))
    loaded(session, region="530000", effective_from=date(2026, 7, 2))
    loaded(session, region="530000", effective_to=date(2026, 7, 1), **ended)
    loaded(session, region="440000", effective_to=date(2026, 6, 30))
    loaded(session)
    everywhere = f"* everywhere 2026-01-01 to further notice {digest} {said}"
    before = f" 530000 2026-01-01 to 2026-07-01 {digest} {said}, ended 2026-06-01T00:00:00Z by somebody else"
    after = f" 530000 2026-07-02 to further notice {digest} {said}"
    assert command("list").output.splitlines() == [everywhere, "*" + before], "its last day, 1 July, is today"
    assert command("list", "--on", "2026-07-02").output.splitlines() == [everywhere, "*" + after]
    assert command("list", "--all").output.splitlines() == [
        everywhere,
        f"  440000 2026-01-01 to 2026-06-30 {digest} {said}",
        "*" + before,
        " " + after,
        f"  530102 2026-08-01 to further notice {digest} {said}",
    ]


def test_where_nothing_was_loaded_the_list_says_what_holds(session: Session) -> None:
    assert command("list").output == "no rule is in force, so MODEL's values hold\n"


def test_the_database_refuses_two_rules_of_a_region_on_one_day(session: Session) -> None:
    loaded(session)
    loaded(session, region="530000")
    with pytest.raises(IntegrityError, match="ex_watch_rule_one_a_day"):
        loaded(session, effective_from=date(2026, 7, 1))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE elearn.watch_rule SET effective_from = '2025-01-01'",
        "UPDATE elearn.watch_rule SET loaded_by = 'somebody else'",
        "UPDATE elearn.watch_rule SET effective_to = '2026-12-31'",
        "UPDATE elearn.watch_rule SET effective_to = '2026-12-31', closed_at = now(), closed_by = 'x'"
        ", region = '530000'",
        "DELETE FROM elearn.watch_rule",
        "TRUNCATE elearn.watch_rule",
    ],
)
def test_the_database_refuses_to_change_a_rule(session: Session, change: str) -> None:
    loaded(session)
    with pytest.raises(IntegrityError, match="a rule is ended once"):
        session.execute(sa.text(change))


def test_a_rule_is_ended_once(session: Session) -> None:
    loaded(session)
    end = sa.text("UPDATE elearn.watch_rule SET effective_to = '2026-12-31', closed_at = now(), closed_by = 'x'")
    session.execute(end)
    with pytest.raises(IntegrityError, match="a rule is ended once"):
        session.execute(end)


def test_kept_values_are_never_changed(session: Session) -> None:
    loaded(session)
    row = session.scalars(sa.select(WatchPolicy)).first()
    assert row is not None
    row.canonical = "{}"
    with pytest.raises(LedgerViolation):
        session.flush()


def test_pending_time_lapses_by_the_rules_it_was_watched_under(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    policies.give(app, Policy(pend_age_ms=3_600_000))
    player.open(lesson.unit_id)
    player.play(15_000)
    heard_ms = player.state["server_time_ms"]
    policies.give(app, None)
    player.open(lesson.unit_id)
    player.play(15_000)
    [waiting] = watched.standing(session, lesson.learner_id).waiting
    assert (waiting.pending_ms, waiting.lapses_ms) == (30_000, heard_ms + 3_600_000)
