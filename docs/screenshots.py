"""Makes the pictures under docs/screenshots again: the real pages in a real browser, on an example of its own.

    python docs/screenshots.py [--data DIR] [--to DIR] [--only NAME ...]

It needs Chromium (CHROMIUM names it, else /usr/bin/chromium). DIR keeps the example between runs.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pictured
import pictured_enterprise
import sqlalchemy as sa
from flask import Flask
from pictured_example import ON_ITS_WAY, READ, RECEIPT, MovedClock, fill
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from elearn import create_app, schema, serving
from elearn.courses import page_drafts
from elearn.courses.models import Lesson, TrainingClass, Unit
from elearn.credit_export import records
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.paper.models import TrainingProof
from elearn.db import db
from elearn.demo.kept import Example
from elearn.people.models import Account, Membership
from elearn.settings import Settings
from elearn.tracking.models import Sitting
from elearn.tracking.signals.models import ReviewCase

PORT = 8765
SIZES = {"phone": (360, 800), "desk": (1280, 800)}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MOST_BYTES = 60_000


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")


@contextmanager
def served(app: Flask) -> Iterator[None]:
    server = make_server("127.0.0.1", PORT, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


Shot = tuple[str, str | None, str]
"""Name, who (a word of the sign-in), path."""


def shots(example: Example, kept: Path) -> list[Shot]:
    session = db.session()
    course = UUID(example.course_id)
    draft = session.query(Lesson).filter_by(course_id=course).order_by(Lesson.position.desc()).first()
    unfiled = session.query(TrainingClass).filter_by(filed_at=None).first()
    case = session.query(ReviewCase).first()
    on_its_way = session.query(Lesson).filter_by(title=ON_ITS_WAY).one()
    rough = session.query(Sitting).filter_by(unit_id=UUID(example.unit_ids[2])).first()
    read = session.query(Lesson).filter_by(title=READ).one()
    pages = session.query(Unit).filter_by(lesson_id=read.id).one()
    writing = page_drafts.drafts_of(session, read.id)[0]
    own = next(iter(records.newest_records(session, [UUID(example.worker_ids[0])]).values()))
    proved = session.query(TrainingProof, EligibilityRecord).join(
        EligibilityRecord, EligibilityRecord.id == TrainingProof.record_id
    )
    proof, record = proved.first() or (None, None)
    assert proof is not None
    assert record is not None
    assert draft is not None
    assert unfiled is not None
    assert rough is not None
    assert case is not None
    found: list[Shot] = [
        ("signin", None, "/signin"),
        ("signin-by-phone", None, "/signin/phone"),
        ("home", "worker", "/"),
        ("course", "worker", f"/courses/{course}"),
        ("lesson", "worker", f"/learn/{example.unit_ids[1]}"),
        ("hours", "worker", "/hours"),
        ("learn", "worker", "/learn"),
        ("me", "worker", "/me"),
        ("downloads", "worker", "/downloads"),
        ("password", "worker", "/password"),
        ("not-found", "worker", "/nowhere"),
        ("counted", "worker", f"/learn/{example.unit_ids[2]}/counted"),
        ("counted-new", "worker", f"/learn/{example.unit_ids[3]}/counted"),
        ("reading", "worker", f"/learn/{pages.id}"),
        ("write-pages", "manager", f"/teaching/lessons/{read.id}/pages"),
        ("write-page", "manager", f"/teaching/pages/{writing.id}"),
        ("manage-pages", "manager", f"/teaching/lessons/{read.id}"),
        ("sittings", "auditor", "/audit/sittings"),
        ("sittings-of-one", "auditor", f"/audit/people/{example.worker_ids[0]}"),
        ("sitting", "auditor", f"/audit/sittings/{rough.id}"),
        ("sitting-odd", "auditor", f"/audit/sittings/{rough.id}?odd=1"),
        ("work", "manager", "/"),
        ("courses", "manager", "/teaching"),
        ("course-new", "manager", "/teaching/courses/new"),
        ("manage-course", "manager", f"/teaching/courses/{course}"),
        ("manage-lesson", "manager", f"/teaching/lessons/{draft.id}"),
        ("classes", "manager", "/teaching/classes"),
        ("class", "manager", f"/teaching/classes/{example.class_id}"),
        ("class-unfiled", "manager", f"/teaching/classes/{unfiled.id}"),
        ("people", "clerk", "/people"),
        ("person-new", "clerk", "/people/new"),
        ("reset", "clerk", f"/people/{example.worker_ids[1]}/reset"),
        ("receivers", "operator", "/receivers"),
        ("receiver-new", "operator", "/receivers/new"),
        ("receiver", "operator", f"/receivers/{example.client_id}"),
        ("receiver-compared", "operator", f"/receivers/{example.client_id}"),
        ("receiver-record", "operator", f"/receivers/{example.client_id}/records/{record.id}"),
        ("packages", "operator", f"/receivers/{example.client_id}/packages"),
        ("receipt-file", "operator", f"/receivers/{example.client_id}/packages"),
        ("proof-own", "worker", f"/hours/proof/{record.outline_id}"),
        ("proof", None, f"/proof/{proof.code}"),
        ("appeals", "worker", "/appeals"),
        ("appeal-new", "worker", f"/appeals/new?unit={example.unit_ids[1]}"),
        ("keys", "worker", "/me/keys"),
        ("offline", "worker", "/offline"),
        ("upload-running", "manager", f"/teaching/lessons/{on_its_way.id}"),
        ("class-new", "manager", "/teaching/classes/new"),
        ("eligibility", "manager", "/eligibility?show=short"),
        ("eligibility-record", "manager", f"/eligibility/{own.id}"),
        ("eligibility-own", "worker", f"/hours/{own.outline_id}"),
        ("review", "manager", "/review"),
        ("review-case", "manager", f"/review/cases/{case.id}"),
        ("slip", "clerk", f"/people/{_somebody_else(session, example)}/reset"),
        ("receiver-secret", "operator", "/receivers/new"),
        ("record-store", "operator", "/record-store"),
        ("record-key-new", "manager", "/record-store/keys/new"),
        ("record-key-secret", "operator", "/record-store/keys/new"),
        ("signin-again", "worker", "/signin/again"),
    ]
    return found + pictured.shots(session, example) + pictured_enterprise.shots(session, example, kept)


def _somebody_else(session: Session, example: Example) -> UUID:
    """Somebody employed there who is in no other picture: the slip makes their password another one."""
    members = sa.select(Membership.person_id).where(Membership.organisation_id == UUID(example.enterprise_id))
    shown = [UUID(one) for one in example.worker_ids]
    found = sa.select(Account.person_id).where(Account.person_id.in_(members), Account.person_id.not_in(shown))
    return session.scalars(found.order_by(Account.id).limit(1)).one()


def send_form(page: Page) -> None:
    with page.expect_navigation():
        page.click("form.card .button >> nth=0")


def make_receiver(page: Page) -> None:
    page.fill("[name=name]", f"考试系统 {secrets.token_hex(2)}")
    page.check("[name=outline] >> nth=0")
    send_form(page)


def make_record_key(page: Page) -> None:
    page.fill("[name=label]", f"塔吊模拟机 {secrets.token_hex(2)}")
    send_form(page)


def begin_reading(page: Page) -> None:
    page.click("[data-cover-action]")
    page.wait_for_selector("[data-page]:not([hidden])")


def send_receipt_file(page: Page) -> None:
    page.set_input_files("[name=file]", str(RECEIPT_FILE[0]))
    page.click("form[enctype] .button")
    page.wait_for_selector("table.cards")


RECEIPT_FILE: list[Path] = []
"""Where it lies; known once the data directory is."""


def compare_lists(page: Page) -> None:
    held = {"record_id": str(UUID(int=7)), "version": 1, "status": "granted"}
    page.set_input_files(
        "[name=list]", {"name": "list.json", "mimeType": "application/json", "buffer": json.dumps([held]).encode()}
    )
    page.click("#reconcile form .button")
    page.wait_for_selector("#reconcile table.cards")


FIRST: dict[str, Callable[[Page], None]] = {
    "receipt-file": send_receipt_file,
    "reading": begin_reading,
    "slip": send_form,
    "receiver-secret": make_receiver,
    "receiver-compared": compare_lists,
    "record-key-secret": make_record_key,
}
"""What is done on a page before its picture: these are shown once, after a form was sent."""


def sign_in(page: Page, example: Example, who: str) -> None:
    found = next(one for one in example.sign_ins if who in one.who)
    page.goto(f"http://127.0.0.1:{PORT}/signin")
    page.fill("[name=name]", found.name)
    page.fill("[name=password]", found.password)
    page.click("form.card button")
    page.wait_for_url(f"http://127.0.0.1:{PORT}/")


def take(
    browser: Browser,
    example: Example,
    wanted: list[Shot],
    to: Path,
    *,
    whole: bool,
    dark: bool,
    text: int,
) -> list[str]:
    """Which of them did not answer."""
    missing = []
    for size, (width, height) in SIZES.items():
        for language in ("zh", "en"):
            for who in dict.fromkeys(who for _name, who, _path in wanted):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    locale="zh-CN" if language == "zh" else "en-US",
                    is_mobile=size == "phone",
                    has_touch=size == "phone",
                    color_scheme="dark" if dark else "light",
                )
                page = context.new_page()
                page.on("console", lambda message: say("console:", message.text) if message.type == "error" else None)
                page.on("pageerror", lambda error: say("page error:", str(error)))
                if who is not None:
                    sign_in(page, example, who)
                for name, _who, path in (one for one in wanted if one[1] == who):
                    answer = page.goto(f"http://127.0.0.1:{PORT}{path}")
                    if name != "not-found" and (answer is None or not answer.ok):
                        missing.append(f"{name}-{size}-{language}: {answer.status if answer else 'no answer'} {path}")
                    if name in FIRST:
                        FIRST[name](page)
                    if text != 100:
                        page.evaluate(f"document.documentElement.style.fontSize = '{text}%'")
                    page.wait_for_timeout(500 if name == "lesson" else 150)
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if wide > 0:
                        say(f"{name}-{size}-{language} is {wide} px too wide")
                    file = to / f"{name}-{size}-{language}.png"
                    page.screenshot(path=file, full_page=whole)
                    small(file)
                context.close()
    return missing


def small(file: Path) -> None:
    """As WebP, which is a fraction of the PNG."""
    import av

    with av.open(str(file)) as source:
        picture = next(source.decode(video=0))
    for quality in (82, 65, 45):
        target = file.with_suffix(".webp")
        with av.open(str(target), "w", format="webp") as sink:
            stream = sink.add_stream("libwebp", rate=1)
            stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "bgra"
            stream.options = {"quality": str(quality)}
            frame = picture.reformat(format="bgra")
            frame.pts = 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                sink.mux(packet)
        if target.stat().st_size < MOST_BYTES:
            break
    file.unlink()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path, default=Path("var/screenshots"))
    arguments.add_argument("--to", type=Path, default=Path(__file__).parent / "screenshots")
    arguments.add_argument("--only", nargs="*")
    arguments.add_argument("--whole", action="store_true", help="the whole page, not only what fits the screen")
    arguments.add_argument("--dark", action="store_true")
    arguments.add_argument("--text", type=int, default=100, help="size of the text in per cent")
    chosen = arguments.parse_args()
    chosen.to.mkdir(parents=True, exist_ok=True)
    env = {
        "ELEARN_DATA_DIR": str(chosen.data.absolute()),
        "ELEARN_PUBLIC_URL": f"http://127.0.0.1:{PORT}",
        # Pages about text messages and e-mail are there; nothing is sent, for no worker runs.
        "ELEARN_SMS_URL": "https://sms.example/send",
        "ELEARN_SMS_SECRET": "of an example, which sends nothing",
        "ELEARN_SMTP_URL": "smtp://127.0.0.1:2525",
        "ELEARN_SMTP_FROM": "training@example.org",
    }
    with serving.settled(Settings.from_env(env)) as settings:
        schema.upgrade(settings.database_url or "")
        clock = MovedClock()
        app = create_app(settings, clock=clock)
        kept = chosen.data / "example.json"
        RECEIPT_FILE.append(kept.with_name(RECEIPT).absolute())
        with app.app_context():
            example = Example.load(kept) or fill(app, settings, clock, kept)
            clock.moved = timedelta()
            wanted = [one for one in shots(example, kept) if not chosen.only or one[0] in chosen.only]
            db.session.rollback()
            with served(app), sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
                )
                missing = take(
                    browser,
                    example,
                    wanted,
                    chosen.to,
                    whole=chosen.whole,
                    dark=chosen.dark,
                    text=chosen.text,
                )
                browser.close()
    if missing:
        sys.exit("\n".join(missing))


if __name__ == "__main__":
    main()
