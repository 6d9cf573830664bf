"""WHAT THERE IS TO STUDY: outlines, courses, unit versions, question pools, classes.

    video ─► uploads ─► packaging (job) ─► unit, draft ─► publish ─► catalogue ─► tracking
                        media.package      + questions    teaching    what may be asked
    class, filed ─► enrolment ─► admission

Comes in: what managers enter, and videos. Goes out: `catalogue.py`, the questions other packages may ask
(`unit_facts`, `block_key`, `questions_about`, `may_study`), and static media. A unit's length is always our own
measurement, and what was published never changes: a new video is a new version.

Open first: `models.py`, then `catalogue.py`.

    requirements/  what the law asks, as dated rows
    curriculum.py  pure: hours an outline asks, what to watch next
    pool.py        pure: does a question pool cover a unit; questions from text and CSV
    keys.py        media keys at rest
    teaching.py    outlines, courses, lessons, question pools, publishing
    classes/       classes: plan, review, filing, roster
    learning.py    what a learner sees
    centres.py     pure: the six centres, what their hours are worth, grades, industries
    describing.py  what a course is said to be
    unit_states.py, reviewing.py   draft, in review, published, retired; the second person
    finding.py     the catalogue: words of any language, filters, page after page
    subtitles.py, webvtt.py, preview.py   beside a video: what is said in it, and a look at it before it is offered
    questions/     the bank of questions for course tests: kinds, marking, files of other programs
    papers/        tests and mock exams: blueprints, papers, attempts, wrong-question books
    tus.py, arriving.py, tus_routes.py    a video that arrives in pieces
    teachers/      who may teach, for whom, and in which class
    transfer/      a course from one installation to another
    public/        what anybody may watch without an account, and the notices and campaigns beside it
    uploads.py     taking in a video, its progress (`upload_models.py`)
    packaging.py   the job that makes a unit of it
    delivery.py    packaged files, served to anybody
    routes.py      the doors
"""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint, Flask

BY_IMPORT = ("packaging", "papers.duties", "public.models", "requirements.models", "teachers.models")
"""Modules whose jobs and tables are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Bring this package's doors and jobs on board."""
    from elearn.courses import routes, tus_routes
    from elearn.courses.papers import routes as paper_routes
    from elearn.courses.public import routes as public_routes

    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")
    whole.register_blueprint(routes.bp)
    whole.register_blueprint(tus_routes.bp)
    whole.register_blueprint(paper_routes.bp)
    whole.register_blueprint(public_routes.bp)
