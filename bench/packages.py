"""What leaves for people: a package of many rows, its receipt read back, a training proof as PDF.

    python -m bench.packages [--rows 10000]

Seconds are processor time of this process. Memory is how much higher its peak rises for all rows than for a tenth of
them: rows pass through one by one, so it should hardly.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.exam_feed import OUTLINE, fill
from bench.figures import Figure, say
from bench.watching import a_place
from elearn.credit_export.exam_system import desks, packages, receipt_files
from elearn.credit_export.exam_system.answers import Desk
from elearn.credit_export.exam_system.mapping import default_profile
from elearn.credit_export.exam_system.package_verifying import verify
from elearn.credit_export.exam_system.packages import Scope
from elearn.credit_export.lifecycle import State
from elearn.credit_export.models import Receiver
from elearn.credit_export.paper import sheets
from elearn.credit_export.paper.sheets import Hours, LogProof, Proof
from elearn.db import db

ROWS = 10_000
MAKE_S, VERIFY_S, RECEIPT_S, PDF_S = 30.0, 30.0, 60.0, 1.0
MORE_MB = 64
PDFS = 20


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def of_packages(rows: int) -> Iterator[Figure]:
    with a_place() as place, place.app.app_context():
        session = db.session()
        credentials = fill(session, place.settings, rows)
        receiver = session.scalars(sa.select(Receiver).where(Receiver.client_id == credentials.client_id)).one()
        desk = replace(desks.desk_for(session, receiver), outlines=frozenset({OUTLINE}), now=datetime.now(UTC))
        chosen = packages.choose(session, desk.outlines, Scope(everyone=True))
        _through(session, desk, chosen[: rows // 10])
        before_mb = _peak_mb()
        began = time.process_time()
        _through(session, desk, chosen)
        yield _seconds(f"rows of a package of {rows}", time.process_time() - began, MAKE_S / 2)
        out = io.BytesIO()
        began = time.process_time()
        packages.make(session, desk, Scope(everyone=True), out, by="bench")
        session.commit()
        made_s, more_mb = time.process_time() - began, _peak_mb() - before_mb
        yield _seconds(f"package of {rows} rows, {len(out.getvalue()) / 1e6:.1f} MB", made_s, MAKE_S)
        yield Figure("memory of a package", more_mb / MORE_MB, 1.0, f"{more_mb:.0f} of {MORE_MB} MB more at its peak")
        began = time.process_time()
        verify(out, thumbprint=desk.signer.kid)
        yield _seconds(f"check of a package of {rows} rows", time.process_time() - began, VERIFY_S)
        with zipfile.ZipFile(out) as package:
            content = package.read("records.xlsx")
        began = time.process_time()
        read = receipt_files.take(session, receiver.id, content, default_profile(), desk.keys, at=desk.now)
        if len(read.lines) != rows or not read.whole:
            raise RuntimeError(f"{dict(read.counts)} of {rows} rows")
        yield _seconds(f"receipt file of {rows} rows", time.process_time() - began, RECEIPT_S)


def _through(session: Session, desk: Desk, chosen: list[UUID]) -> None:
    for _row in packages.rows_of(session, chosen, desk, reason="bench"):
        pass
    session.rollback()


def of_paper() -> Iterator[Figure]:
    text = ("x" * 44 + "\n") * 41  # leaf and proof of a log of a million leaves
    log = LogProof("sub", "online/theory", 1, "hours.example/ledger/2026", 1, 1_000_000, "ab" * 32, text)
    proof = Proof(
        code="abcdefghijkmnpqrstuvwxyz23",
        address="https://hours.example/proof/abcdefghijkmnpqrstuvwxyz23",
        issuer="https://hours.example",
        made_at=datetime(2026, 7, 1, tzinfo=UTC),
        name="欧阳建国",
        gender="male",
        document_kind="resident_id",
        document_masked="530*************1X",
        category="低压电工作业",
        target="特种作业 电工作业 低压电工作业",
        training_kind="initial",
        basis="hours",
        paper=None,
        employers=["滇池电力工程有限公司"],
        class_no="1",
        filing_no="1",
        institution="滇池安全培训中心",
        class_from=date(2026, 6, 1),
        class_to=date(2026, 6, 30),
        record_id="019f0000-0000-7000-8000-000000000001",
        version=1,
        check_code="ABCD-EFGH",
        hours=Hours((1, 2, 3), (1, 2, 3)),
        outcome="eligible",
        reasons=[],
        state=State.GRANTED,
        judged_on=date(2026, 7, 1),
        rules="cn-aq8011-2023",
        witnessed=True,
        log=[log],
    )
    began = time.process_time()
    sheets.training_proof(proof, "zh")
    yield _seconds("first training proof of a process", time.process_time() - began, PDF_S)
    began = time.process_time()
    for _ in range(PDFS):
        sheets.training_proof(proof, "en")
    yield _seconds("training proof with its log proof", (time.process_time() - began) / PDFS, PDF_S)


def _seconds(name: str, took_s: float, most_s: float) -> Figure:
    return Figure(name, took_s / most_s, 1.0, f"{took_s:.2f} of {most_s:.0f} s")


def run(rows: int = ROWS) -> Iterator[Figure]:
    yield from of_paper()
    yield from of_packages(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    return say(partial(run, parser.parse_args().rows)())


if __name__ == "__main__":
    raise SystemExit(main())
