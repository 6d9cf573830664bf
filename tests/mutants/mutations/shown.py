"""What somebody shows beside training, the ends of cases, practice, and the one day that a person has."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/tracking/settling.py",
        "cases",
        ("the end of a case waits", "        may -= _ends_of_cases(session, locked.learner_id, pieces, policy)\n", ""),
    ),
    *in_file(
        "elearn/tracking/cases.py",
        "cases",
        ("what was answered is not owed", "        if row.questions\n", ""),
        ("right answers count, not asked ones", " AND c.outcome = 'passed'", ""),
        ("a question that is asked no more is not owed", " AND q.retired_at IS NULL", ""),
        ("only cases wait", " AND u.kind = 'case'", ""),
    ),
    *in_file(
        "elearn/tracking/providers/question.py",
        "cases",
        ("what is left of a case is asked", " if not asked.only or one.id in asked.only", ""),
    ),
    *in_file(
        "elearn/tracking/routes.py",
        "cases",
        ("practice opens no sitting", "if not facts.kind.earns_online:", "if False:"),
    ),
    *in_file(
        "elearn/tracking/attendance/confirming.py",
        "one day",
        (
            "a list is looked at again when it is confirmed",
            "not proposing.decide_again(session, held, whole, lines)",
            "False",
        ),
    ),
    *in_file(
        "elearn/credit_export/findings/shown.py",
        "shown",
        ("only what two confirmed is shown", " AND a.confirmed)", ")"),
        ("what was ended is shown no more", "WHERE e.ends_id = f.id AND e.from_on <= :on)", "WHERE false)"),
        ("nothing is shown before its day", " AND f.from_on <= :on", ""),
        ("an order to train again ends", "case Kind.TRAIN_AGAIN if running:", "case Kind.TRAIN_AGAIN:"),
        ("the highest diploma counts", "max(levels, key=lambda one: one.rank)", "levels[-1]"),
        ("the latest certificate counts", "max(row.to_on, found.health_certificate_to or row.to_on)", "row.to_on"),
    ),
    *in_file(
        "elearn/credit_export/findings/stating.py",
        "shown",
        ("health has a last day", "if kind is Kind.HEALTH_CERTIFICATE and to_on is None:", "if False:"),
        (
            "a document says the birth itself",
            "session.scalar(sa.select(Person.born_on).where(Person.id == about.person_id))",
            "None",
        ),
    ),
    *in_file(
        "elearn/people/persons.py",
        "shown",
        ("erasing forgets the birth", "    person.born_on = None\n", ""),
    ),
]
