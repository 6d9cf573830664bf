"""Tests of courses and mock exams: papers drawn from the bank, and what people do with them.

    blueprint.py   pure: sections, a bank and a seed make a paper, always the same one
    timing.py      pure: deadlines, grace, waits, passing
    models.py      tables: tests, blueprints, attempts, answers, wrong-question books
    tests.py       a manager's tests and blueprints
    attempts.py    a learner's attempt: begin, save, submit, close
    wrong_book.py  questions that somebody got wrong, and practising them
    standing.py    what other packages may ask: whose tests are passed
    routes.py      the doors that a phone talks to while a test runs

Right answers stay here until an attempt is over. Test time is never credited.
"""
