"""Every watching case of the corpus, told to the real server: attacks earn no more, honest people no less."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from elearn import create_app, embedded
from elearn.db import db
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.conftest import ManualClock, settings_for
from tests.integrity import corpus, runner
from tests.integrity.corpus import Case, Got
from tests.integrity.school import School
from tests.integrity.story import tell

FILE = Path(__file__).with_name("cases.yaml")
CASES, OTHERS = corpus.read(FILE)
MORE, _ = corpus.read(Path(__file__).with_name("more.yaml"))


@pytest.fixture(scope="module")
def school(services: embedded.Services, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """One application on a database of its own; stories share it, each with its own lessons and learners."""
    url = services.create_database(f"corpus_{template}", template=template)
    app = create_app(settings_for(url, services.redis_url, tmp_path_factory.mktemp("corpus")), clock=ManualClock())
    app.testing = True
    yield School(app)
    with app.app_context():
        assert check_ledger(db.session()) == [], "all that was told can be added up again"
        db.session.remove()
        db.engine.dispose()
    app.extensions["elearn"].redis.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.id}-{case.title}") for case in (*CASES, *MORE)])
def test_the_real_server_meets_the_corpus(case: Case, school: School) -> None:
    got = tell(case, school)
    found = corpus.faults(case, got)
    assert not found, corpus.line(case, got, found)


def test_the_whole_corpus_is_told_by_the_servers_default_rules() -> None:
    kinds = [case.kind for case in CASES] + [other["kind"] for other in OTHERS]
    assert {kind: kinds.count(kind) for kind in kinds} == {"attack": 45, "honest": 29, "ledger": 11}
    own = {raw["id"] for raw in yaml.safe_load(FILE.read_text(encoding="utf-8"))["cases"] if "policy" in raw}
    default = Policy()
    differing = {
        case.id
        for case in CASES
        if default
        != replace(case.policy, presence_min_ms=default.presence_min_ms, presence_max_ms=default.presence_max_ms)
    }
    assert differing == own, "but for the check schedule"


def test_rules_that_an_application_is_given_hold_there_and_nowhere_else(school: School) -> None:
    strict = Policy(day_cap_ms=1)
    with school.app.app_context():
        assert policies.in_force() == Policy()
        policies.give(school.app, strict)
        assert policies.in_force() == strict
        policies.give(school.app, None)
        assert policies.in_force() == Policy()


# -- judging, without a server


def a_case(**expected: object) -> Case:
    raw = {
        "id": "X1",
        "kind": "attack",
        "units": {"U": 60},
        "until": 1,
        "events": [],
        "expected": {"op": "==", "seconds": 30, "accept": {"min_s": 28, "max_s": 31}, **expected},
    }
    return corpus.case_of(raw, {})


@pytest.mark.parametrize(
    ("rule", "expected", "got", "found"),
    [
        ("within", {}, Got(30_000, (30_000,), False), []),
        ("at the upper edge", {}, Got(31_000, (31_000,), False), []),
        ("a millisecond too much", {}, Got(31_001, (31_001,), False), ["final seconds outside 28 to 31"]),
        ("a millisecond too little", {}, Got(27_999, (27_999,), False), ["final seconds outside 28 to 31"]),
        ("not complete, as it must be", {"complete": False}, Got(30_000, (30_000,), False), []),
        ("complete and should not be", {"complete": False}, Got(30_000, (30_000,), True), ["complete"]),
        ("not complete and should be", {"complete": True}, Got(30_000, (30_000,), False), ["not complete"]),
        ("on the right days", {"days": [10, 20]}, Got(30_000, (10_400, 19_600), False), []),
        ("on one day", {"days": [10, 20]}, Got(30_000, (30_000,), False), ["days [30.0], not [10, 20]"]),
        ("reasons are advice", {"reasons": ["RATE"]}, Got(30_000, (30_000,), False), []),
        ("a ledger that does not add up", {}, Got(30_000, (30_000,), False, {}, ("off by 1",)), ["off by 1"]),
    ],
)
def test_an_outcome_is_judged(rule: str, expected: dict[str, object], got: Got, found: list[str]) -> None:
    assert corpus.faults(a_case(**expected), got) == found, rule


# -- the command

SMALL = """
policy_default: {H_ms: 5000}
cases:
- id: Z1
  kind: honest
  units: {U: 12}
  presence: auto
  until: 20
  expected: {op: ==, seconds: 12, accept: {min_s: 12, max_s: 12}, complete: true}
  events: [[0, open], [0, play]]
- id: Z2
  kind: honest
  units: {U: 12}
  presence: manual
  until: 20
  expected: {op: ==, seconds: 12, accept: {min_s: 12, max_s: 12}, reasons: [RATE]}
  events: [[0, open], [0, play]]
- id: Z3
  kind: attack
  units: {U: 12}
  until: 20
  expected: {op: ==, seconds: 0, accept: {min_s: 0, max_s: 0}}
  events: [[0, open], [0, teleport]]
- {id: Z4, kind: ledger, expected: {outcome: reject}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.integrity", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=120,
    )


def test_the_command_says_a_line_for_each_case_and_fails_when_any_failed(small: Path) -> None:
    run = command(small, "--jobs", 1)
    assert run.stdout.splitlines() == [
        "pass Z1     expected == 12 (accept 12 to 12)  got 12  reasons none",
        "FAIL Z2     expected == 12 (accept 12 to 12)  got 0  reasons none  without RATE"
        "  final seconds outside 12 to 12",
        "FAIL Z3     could not be read: line 23: the vocabulary has no command 'teleport'",
        "skip Z4     kind ledger: not about watching",
        "1 passed, 2 failed",
    ], run.stderr
    assert run.returncode == 1


def test_the_command_tells_one_case_alone(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([str(small), "--case", "Z4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"
    with pytest.raises(SystemExit) as stopped:
        runner.main([str(small), "--case", "Z9"])
    assert stopped.value.code == 2


def test_no_case_is_known_by_name() -> None:
    """Another corpus in the same vocabulary is told the same way."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(__file__).parent.glob("*.py")
        if path.name != Path(__file__).name
    )
    assert [case.id for case in (*CASES, *MORE) if f'"{case.id}"' in code] == []
