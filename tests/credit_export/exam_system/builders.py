"""Rows and packages for tests: say only what matters."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.jwk import KeySet

from elearn.credit_export.exam_system import package_files
from elearn.credit_export.exam_system.mapping import Profile, default_profile
from elearn.credit_export.exam_system.package_files import Facts
from elearn.credit_export.exam_system.signing import Signer

SIGNER = Signer.from_seed(b"k" * 32)
MADE_AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def sign(manifest: bytes) -> str:
    header = {"alg": "Ed25519", "typ": package_files.TYPE, "kid": SIGNER.kid}
    return package_files.detached(jws.serialize_compact(header, manifest, SIGNER.key, algorithms=["Ed25519"]))


def known_keys() -> KeySet:
    return KeySet.import_key_set(SIGNER.key_set())  # type: ignore[arg-type]


def a_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One row of fields; the document number is nobody's."""
    return {
        "number": number,
        "record_id": str(UUID(int=0x7000 << 64 | 8 << 60 | number)),
        "version": 1,
        "supersedes": None,
        "check_code": "ABCD-EFGH",
        "status": "granted",
        "outcome": "eligible",
        "reasons": [],
        "judged_on": "2026-07-01",
        "rules": "cn-aq8011-2023; demo@1",
        "witnessed": True,
        "document_kind": "resident_id",
        "document_number": f"{999999 - number // 1000:06}19900101{number % 1000:03}X",
        "name": "张三",
        "gender": "male",
        "category_code": "low-voltage",
        "category_name": "低压电工作业",
        "category_region": "CN",
        "outline_version": "1",
        "institution": "滇池安全培训中心",
        "class_no": "2026-01",
        "filing_no": "备-001",
        "class_from": "2026-06-01",
        "class_to": None,
        "required_theory": 88,
        "required_practice": 60,
        "required_total": 148,
        "online_theory": "61.6",
        "offline_theory": "26.4",
        "offline_practice": "60.0",
        "credited_total": "148.0",
        "online_theory_ms": 110_880_000,
        "offline_theory_ms": 71_280_000,
        "offline_practice_ms": 162_000_000,
    } | changes


def a_package(rows: Iterable[Mapping[str, Any]], profile: Profile | None = None) -> bytes:
    facts = Facts(
        id="019f0000-0000-7000-8000-000000000001",
        issuer="http://localhost",
        receiver="exam-1",
        receiver_name="考试中心",
        made_at=MADE_AT,
        since=date(2026, 6, 1),
        class_no=None,
    )
    out = io.BytesIO()
    package_files.write(out, profile or default_profile(), facts, rows, sign=sign, keys=SIGNER.key_set())
    return out.getvalue()
