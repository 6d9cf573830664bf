"""WHAT A PERSON SEES: every page, in Chinese and English, made on the server.

    frame.py       what all pages share: navigation, language, notices, errors
    assets.py      scripts, styles, pictures    display.py  size of text, data mode
    forms.py       what was typed, what is wrong beside which field, sending twice
    shown.py       times, lengths and days as people read them
    signing_in.py  in, out, choosing a password    phone_sign_in.py  a first or forgotten one, by a code
    home.py        the start page: the one next thing (next_thing.py decides, situations.py reads, next_shown.py says),
                   hours as rings, what is still missing (still_missing.py)
    learning.py    a learner's courses, lesson and hours            (queries: watching.py)
    training.py    an enterprise's training: where it stands, assignments, one member's; a learner's own
                   (training_programmes, training_signing; words: training_texts.py)
    messages.py    what a person is told, the newest first          (words: training/wording.py)
    email_reminders.py  an address of one's own for reminders
    certificates.py, certificate_sheets.py  a worker's own, an employer's register    (words: certificate_texts.py)
    notice.py      the public notice of an enterprise
    apprenticeships.py  who learns a trade beside whom, week by week
    firms.py       contractors and agencies: whom each sent, who of them may not work yet
    reminders.py   text messages that went out, which failed
    plans.py       its yearly plan: written, approved, planned beside done
    surveys.py, survey_files.py  what its people say they need, before it plans; survey_answering.py  a worker answers
                   (words: survey_texts.py)
    funds.py       its training fund: drawn, spent, left    (words: fund_texts.py)
    explaining.py  why watching counted or did not: to the learner, and to auditors report by report
    offline.py     lessons without network: the service worker, what a download is
    teaching.py    a manager's courses, lessons, videos, questions  (queries: lessons.py)
    classes.py     an institution's classes, filings, enrolment
    class_plan.py, class_desk.py  a class's plan; its steps, its notice, an officer's classes (class_views, class_texts)
    teachers.py, teacher_papers.py, teacher_sheets.py  the register of teachers, certificates, a spreadsheet of them
    class_archive.py, class_signing.py  one class, one file; a learner signs the hours of a class
    signed.py      how a page takes a signature: by hand, or by a key
    empty_sheets.py  an empty spreadsheet with the columns that a page reads
    class_teachers.py who teaches in a class    (words: teacher_texts.py)
    attendance.py  sessions on site, the teacher's screen, lists to confirm    (words: attendance_texts.py)
    attendance_here.py  a learner who scanned that screen
    attendance_lists.py, attendance_sheets.py  the second person; spreadsheets
    attendance_acting.py  in whose name somebody acts in a session; classrooms.py: an enterprise's sessions
    switcher.py    for which of their organisations somebody acts
    organisations.py an organisation's tree    (words: organisation_texts.py)
    offices.py     who holds which role in it, links that let in new staff; invited.py takes one
    people.py      a clerk's people and their one-time passwords    (queries: members.py)
    figures.py, figure_files.py  an enterprise's figures at every level of its tree; as workbook and on paper
    training_archives.py, inspection.py  one person, one file; an enterprise's year; an inspector's link
    catalogue.py, practice.py  what there is to study; what is practised on site
    course_form.py, course_packages.py, page_desk.py, teaching_review.py  a course described, in and out; reviewed
    finding_import.py  what many people have shown, from one spreadsheet
    player_texts.py, reason_texts.py  words of the player; of reasons
    member.py      one of them: where they stood, another post, away and back, the end    (words: employment_texts.py)
    joining.py, coming.py  a clerk's codes to join by; what a worker sees who opened one    (employment_tellings.py)
    employments.py a worker's own employers, and what each may see    merging.py  somebody who is registered twice
    roster.py, first_sign_in.py  a roster that HR exported; slips for the first sign-in    (words: roster_texts.py)
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
    me.py          a person's own page: employers, sign-ins, devices, display
    public.py      what anybody reads and watches without an account
    public_desk.py, public_opening.py  notices and campaigns, and courses opened to everybody: two people each
    design.py      the design system: tokens with their contrast, every part of pages
    own_data.py    everything that is kept about a person, as a file for them
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
        apprenticeships,
        assets,
        attendance,
        attendance_here,
        attendance_lists,
        attendance_sheets,
        bank,
        bank_files,
        catalogue,
        certificate_sheets,
        certificates,
        class_archive,
        class_desk,
        class_plan,
        class_signing,
        class_teachers,
        classes,
        classrooms,
        coming,
        course_packages,
        course_tests,
        deliveries,
        design,
        eligibility,
        email_reminders,
        employments,
        explaining,
        figures,
        finding_import,
        findings,
        firms,
        first_sign_in,
        frame,
        funds,
        home,
        inspection,
        invited,
        joining,
        keys,
        learning,
        log,
        lrs_keys,
        me,
        member,
        merging,
        messages,
        notice,
        offices,
        offline,
        organisations,
        own_data,
        packages,
        page_desk,
        people,
        phone_sign_in,
        plans,
        practice,
        proofs,
        public,
        public_desk,
        public_opening,
        receivers,
        reminders,
        requirements,
        roster,
        signals,
        signing_in,
        survey_answering,
        survey_files,
        surveys,
        teacher_papers,
        teacher_sheets,
        teachers,
        teaching,
        teaching_review,
        test_desk,
        training,
        training_archives,
        training_programmes,
        training_signing,
        why_not,
    )

    bp = Blueprint("pages", __name__, template_folder="templates")
    for module in (
        frame,
        assets,
        signing_in,
        phone_sign_in,
        home,
        learning,
        messages,
        email_reminders,
        certificates,
        certificate_sheets,
        notice,
        public,
        public_desk,
        public_opening,
        plans,
        surveys,
        survey_files,
        survey_answering,
        funds,
        apprenticeships,
        reminders,
        practice,
        catalogue,
        explaining,
        me,
        own_data,
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
        organisations,
        offices,
        invited,
        people,
        roster,
        firms,
        first_sign_in,
        joining,
        coming,
        employments,
        member,
        merging,
        receivers,
        log,
        deliveries,
        design,
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
        training,
        training_programmes,
        training_signing,
        classrooms,
        figures,
        inspection,
        training_archives,
    ):
        module.install(bp)
    frame.install_on_whole(whole)
    whole.register_blueprint(bp)
