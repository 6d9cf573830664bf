"""`elearn receiver push ...` and `elearn exam ...`, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from click.testing import CliRunner
from sqlalchemy.orm import Session

from elearn.credit_export.commands import receivers
from elearn.credit_export.exam_system.commands import exam as exam_commands
from elearn.credit_export.exam_system.push_rules import Refused
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver
from elearn.credit_export.lifecycle import State
from tests.credit_export.exam_system.conftest import AT, CODE, Exam, MakeExam, Office, states_of

run = CliRunner().invoke


def test_a_receiver_is_pushed_to_paused_resumed_and_gets_another_secret(session: Session, office: Office) -> None:
    who = add_receiver(session, name="x", outlines=[CODE], scopes=SCOPES, made_at=AT).client_id
    made = run(receivers, ["push", "set", who, "https://exam.example/hook"])
    assert made.exit_code == 0, made.output
    secret = made.output.split()[-1]
    assert secret.startswith("whsec_")
    again = run(receivers, ["push", "set", who, "http://127.0.0.1:9/hook", "--private", "--takes", "everything"])
    assert again.output == f"{who} is pushed to http://127.0.0.1:9/hook\n"
    listed = run(receivers, ["push", "list"]).output
    assert f"{who}\tactive\teverything\thttp://127.0.0.1:9/hook\tup to 0\tsent 0\twaiting 0\tdead 0" in listed
    assert run(receivers, ["push", "pause", who]).exit_code == 0
    assert f"{who}\tpaused" in run(receivers, ["push", "list"]).output
    assert run(receivers, ["push", "resume", who]).exit_code == 0
    other = run(receivers, ["push", "secret", who]).output.split()[-1]
    assert other.startswith("whsec_")
    assert other != secret
    assert run(receivers, ["push", "set", who, "http://exam.example/hook"]).exit_code != 0
    assert run(receivers, ["push", "pause", "exam-nobody"]).exit_code != 0


def test_dead_letters_are_listed_and_sent_again(session: Session, office: Office, exam: Exam) -> None:
    exam.answer = lambda message: Refused("422 no photo", 422)
    record = office.record(State.GRANTED)
    exam.push()
    assert "422 no photo" in run(receivers, ["push", "list", "--dead"]).output
    assert run(receivers, ["push", "resend", exam.who.client_id]).output == "to be sent again: 1\n"
    assert run(receivers, ["push", "resend", exam.who.client_id]).output == "to be sent again: 0\n"
    assert states_of(session, exam, record.id) == ["queued"]
    told = run(exam_commands, ["deliveries", exam.who.client_id]).output
    assert told == "queued\t1\n"
    steps = run(exam_commands, ["deliveries", exam.who.client_id, str(record.id)]).output.splitlines()
    assert [line.split("\t")[2] for line in steps] == ["queue", "send", "die", "resend"]


def test_a_record_is_given_to_another_receiver(
    session: Session, office: Office, exam: Exam, make_exam: MakeExam
) -> None:
    other = make_exam(name="Other")
    record = office.record(State.GRANTED)
    exam.push()
    words = ["reroute", str(record.id), "--from", exam.who.client_id, "--to", other.who.client_id]
    assert run(exam_commands, words).exit_code == 0
    assert states_of(session, exam, record.id) == ["rerouted"]
    assert run(exam_commands, words).exit_code != 0


def test_a_receivers_list_is_reconciled(office: Office, exam: Exam, tmp_path: Path) -> None:
    record = office.record(State.GRANTED)
    exam.push()
    held = {"record_id": str(record.id), "version": 1, "status": "granted"}
    path = tmp_path / "list.json"

    def reconciled(*records: dict[str, object]) -> tuple[int, str]:
        path.write_text(json.dumps(records))
        done = run(exam_commands, ["reconcile", exam.who.client_id, str(path)])
        return done.exit_code, done.output

    assert reconciled(held) == (0, "here 1, there 1, differences 0\n")
    stranger = str(uuid4())
    status, said = reconciled({**held, "record_id": stranger})
    assert status == 1
    assert said.splitlines() == [
        f"missing_there\t{record.id}\there: granted, acknowledged\tthere: -",
        f"unknown_here\t{stranger}\there: -\tthere: version 1, granted",
        "here 1, there 1, differences 2",
    ]
    path.write_text("no list")
    assert run(exam_commands, ["reconcile", exam.who.client_id, str(path)]).exit_code != 0
    assert run(exam_commands, ["reconcile", exam.who.client_id, str(tmp_path / "none")]).exit_code != 0
    assert run(exam_commands, ["reconcile", exam.who.client_id, "-"], input=json.dumps([held])).exit_code == 0
    private = run(exam_commands, ["reconcile", exam.who.client_id, "http://127.0.0.1:9/list"])
    assert "private" in str(private.exception)
