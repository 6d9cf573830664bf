"""WHAT A PERSON SEES: every page, in Chinese and English, made on the server.

    frame.py       what all pages share: navigation, language, notices, errors, assets
    forms.py       what was typed, what is wrong beside which field, sending twice
    shown.py       times, lengths and days as people read them
    signing_in.py  in, out, choosing a password
    learning.py    a learner's start, courses, lesson and hours     (queries: watching.py)
    explaining.py  why watching counted or did not: to the learner, and to auditors report by report
    offline.py     lessons without network: the service worker, what a download is
    teaching.py    a manager's courses, lessons, videos, questions  (queries: lessons.py)
    classes.py     an institution's classes, filings, enrolment
    class_plan.py, class_desk.py  a class's plan; its steps, its notice, an officer's classes (class_views, class_texts)
    teachers.py, teacher_papers.py, teacher_sheets.py  the register of teachers, certificates, a spreadsheet of them
    class_archive.py, class_signing.py  one class, one file; a learner signs the hours of a class
    class_teachers.py who teaches in a class    (words: teacher_texts.py)
    attendance.py  sessions on site, the teacher's screen, lists to confirm    (words: attendance_texts.py)
    attendance_here.py  a learner who scanned that screen
    attendance_lists.py, attendance_sheets.py  the second person; spreadsheets
    people.py      a clerk's people and their one-time passwords    (queries: members.py)
    eligibility.py records: submitted, checked, verified; two people suspend and revoke    (words: eligibility_texts.py)
    findings.py    what two people state about a person or an institution    (words: finding_texts.py)
    why_not.py     why somebody may not sit an exam on a day, in sentences    (words: why_not_texts.py)
    requirements.py the rules in force on a day, and what changed    (words: rule_texts.py)
    receivers.py   an operator's exam systems
    log.py         how the log of hours stands: signer and witnesses
    deliveries.py  what one of them was sent, dead letters, reconciliation
    packages.py    packages for an exam system, its receipt files
    proofs.py      proofs of training hours: the holder's, the public page of each, lists of classes
    bank.py        the question bank: write, review    (words: test_texts.py)
    bank_files.py  questions from files and into files
    test_desk.py   a manager's tests and their blueprints
    course_tests.py  a learner's tests, results, wrong-question book
    lrs_keys.py    keys of the record store
    keys.py        a person's own security keys, for presence checks
    signals.py     flags and the people who decide about them; appeals    (words: signal_texts.py)

A page reads through the services of the packages to the left, or with one SELECT of its own, and changes through
services only. Nothing here decides. Open `frame.py` first, then `templates/elearn/base.html`.
"""

from __future__ import annotations

from flask import Blueprint, Flask


def install(app: Flask, whole: Blueprint) -> None:
    """Put the pages on `whole`, and what an error looks like to a person."""
    from elearn.pages import (
        attendance,
        attendance_here,
        attendance_lists,
        attendance_sheets,
        bank,
        bank_files,
        catalogue,
        class_archive,
        class_desk,
        class_plan,
        class_signing,
        class_teachers,
        classes,
        course_packages,
        course_tests,
        deliveries,
        eligibility,
        explaining,
        finding_import,
        findings,
        frame,
        keys,
        learning,
        log,
        lrs_keys,
        offline,
        packages,
        page_desk,
        people,
        practice,
        proofs,
        receivers,
        requirements,
        signals,
        signing_in,
        teacher_papers,
        teacher_sheets,
        teachers,
        teaching,
        teaching_review,
        test_desk,
        why_not,
    )

    bp = Blueprint("pages", __name__, template_folder="templates")
    for module in (
        frame,
        signing_in,
        learning,
        practice,
        catalogue,
        explaining,
        keys,
        offline,
        teaching,
        teaching_review,
        course_packages,
        page_desk,
        classes,
        class_plan,
        class_desk,
        class_teachers,
        class_archive,
        class_signing,
        teachers,
        teacher_papers,
        teacher_sheets,
        attendance,
        attendance_here,
        attendance_lists,
        attendance_sheets,
        people,
        receivers,
        log,
        deliveries,
        packages,
        proofs,
        lrs_keys,
        bank,
        bank_files,
        test_desk,
        course_tests,
        signals,
        eligibility,
        findings,
        finding_import,
        requirements,
        why_not,
    ):
        module.install(bp)
    frame.install_on_whole(whole)
    whole.register_blueprint(bp)
