"""The signed package as a file, written; `package_verifying.py` checks one. Needs no database and no settings.

    NAME.zip
      records.xlsx         what people read, in the receiver's columns, with room for its receipt
      records.json         the same rows for programs
      manifest.json        what it is, for whom, and the SHA-256 of the files
      manifest.json.jws    detached signature of the manifest's bytes: JWS compact without its payload
                           (RFC 7515, appendix F), Ed25519 (RFC 9864), by the key that the issuer publishes
      keys.json            that key as the issuer published it then; whoever checks compares it with what they know

Rows pass through one by one, so memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import xlsxwriter

from elearn.credit_export.exam_system.mapping import Column, Format, Profile, ReceiptField, Result, Value
from elearn.credit_export.exam_system.signing import Signer
from elearn.zone import LOCAL_ZONE

FORMAT = "elearn-package/1"
TYPE = "elearn-package+jws"
ROWS_XLSX, ROWS_JSON = "records.xlsx", "records.json"
MANIFEST, SIGNATURE, KEYS = "manifest.json", "manifest.json.jws", "keys.json"
TOTAL = "合计"

PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Facts:
    """What a package says about itself beside its rows."""

    id: str
    issuer: str
    receiver: str
    """Client id."""
    receiver_name: str
    made_at: datetime
    since: date | None
    class_no: str | None


@dataclass(frozen=True, slots=True)
class Made:
    id: str
    rows: int
    sha256: str
    """Of the manifest, which names all the rest."""


@dataclass(slots=True)
class _Outcomes:
    rows: int = 0
    by: Counter[str] = field(default_factory=Counter)


def write(into: IO[bytes], profile: Profile, facts: Facts, rows: Iterable[Mapping[str, Any]], signer: Signer) -> Made:
    """Write a package of `rows` (field -> value, see `mapping.FIELDS`)."""
    counts = _Outcomes()
    with tempfile.TemporaryDirectory(prefix="elearn-package-") as where:
        xlsx, data = Path(where) / ROWS_XLSX, Path(where) / ROWS_JSON
        with _Sheet(xlsx, profile, facts) as sheet, data.open("w", encoding="utf-8") as out:
            out.write(json.dumps({"package": facts.id, "columns": _columns(profile)}, ensure_ascii=False)[:-1])
            out.write(', "rows": [')
            for row in rows:
                values = profile.row(row)
                sheet.add(values)
                named = {column.id: value for column, value in zip(profile.columns, values, strict=True)}
                out.write((",\n" if counts.rows else "\n") + json.dumps(named, ensure_ascii=False))
                counts.rows += 1
                counts.by[str(row["outcome"])] += 1
            out.write("\n]}\n")
        manifest = _manifest(profile, facts, counts, [xlsx, data])
        with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in (
                (MANIFEST, manifest),
                (SIGNATURE, detached(signer.sign_bytes(manifest, kind=TYPE)).encode()),
                (KEYS, json.dumps(signer.key_set(), indent=1).encode()),
            ):
                package.writestr(entry(name, facts.made_at), content)
            for path in (xlsx, data):
                with path.open("rb") as source, package.open(entry(path.name, facts.made_at), "w") as target:
                    for piece in iter(lambda: source.read(PIECE), b""):
                        target.write(piece)
    return Made(facts.id, counts.rows, hashlib.sha256(manifest).hexdigest())


def entry(name: str, at: datetime) -> zipfile.ZipInfo:
    """A file of a zip, readable by its owner, dated in China."""
    at = at.astimezone(LOCAL_ZONE)
    entry = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def detached(compact: str) -> str:
    """A JWS compact serialization without its payload (RFC 7515, appendix F)."""
    head, _payload, signature = compact.split(".")
    return f"{head}..{signature}"


def _columns(profile: Profile) -> list[dict[str, str]]:
    return [{"column": one.id, "header": one.header, "format": one.format.value} for one in profile.columns]


def _manifest(profile: Profile, facts: Facts, counts: _Outcomes, files: Sequence[Path]) -> bytes:
    return json.dumps(
        {
            "format": FORMAT,
            "id": facts.id,
            "issuer": facts.issuer,
            "receiver": {"client_id": facts.receiver, "name": facts.receiver_name},
            "made_at": facts.made_at.isoformat(timespec="seconds"),
            "period": {
                "since": facts.since.isoformat() if facts.since else None,
                "until": facts.made_at.isoformat(timespec="seconds"),
            },
            "class_no": facts.class_no,
            "profile": {"name": profile.name, "version": profile.version, "sha256": profile.sha256},
            "counts": {"rows": counts.rows, **dict(sorted(counts.by.items()))},
            "files": [{"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256_of(path)} for path in files],
        },
        ensure_ascii=False,
        indent=1,
    ).encode()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Sheet:
    """The XLSX: a header, the rows, the totals, empty columns for the receipt; and a sheet that says how to fill it in.

    Cells are written by their kind and never guessed from their text: what begins with `=` is text, and so is a
    document number. The sign that a spreadsheet program keeps for typed text stands before each, so that it stays
    text also when somebody opens and saves it.
    """

    WIDTH: Mapping[Format, int] = {Format.TEXT: 16, Format.WHOLE: 8, Format.HOURS: 10, Format.DATE: 12}
    WIDE: Mapping[str, int] = {"document_number": 22, "record_id": 38, "category_name": 30, "institution": 26}

    def __init__(self, path: Path, profile: Profile, facts: Facts) -> None:
        self._profile, self._facts = profile, facts
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties(
            {"title": profile.sheet, "comments": facts.id, "created": facts.made_at.astimezone(LOCAL_ZONE)}
        )
        add = self._book.add_format
        base = {"valign": "vcenter", "border": 1, "border_color": "#B8C4C6"}
        self._formats = {
            Format.TEXT: add({**base, "num_format": "@", "quote_prefix": True}),
            Format.WHOLE: add({**base, "num_format": "0"}),
            Format.HOURS: add({**base, "num_format": "0.0"}),
            Format.DATE: add({**base, "num_format": "yyyy-mm-dd"}),
        }
        self._total = add({**base, "bold": True, "num_format": "0.0", "bg_color": "#EEF3F3"})
        head = {**base, "bold": True, "text_wrap": True, "align": "center"}
        self._head = add({**head, "bg_color": "#D7E6E7"})
        self._receipt_head = add({**head, "bg_color": "#FCE8B2"})
        self._receipt = add({**base, "num_format": "@", "bg_color": "#FFFBEF"})
        self._rows = 0
        self._sums: dict[int, Decimal] = {
            place: Decimal(0) for place, one in enumerate(profile.columns) if one.format is Format.HOURS
        }
        self._sheet = self._book.add_worksheet(profile.sheet)
        self._headers()

    def __enter__(self) -> _Sheet:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self._totals()
            self._notes()
        self._book.close()

    def _headers(self) -> None:
        sheet, profile = self._sheet, self._profile
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 0)
        sheet.set_row(0, 32)
        for place, column in enumerate(profile.columns):
            width = self.WIDE.get(column.source, self.WIDTH[column.format])
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, column.header, self._head)
        for place, header in enumerate(profile.receipt.values(), start=len(profile.columns)):
            sheet.set_column(place, place, 14)
            sheet.write_string(0, place, header, self._receipt_head)

    def add(self, values: Sequence[Value]) -> None:
        self._rows += 1
        for place, (column, value) in enumerate(zip(self._profile.columns, values, strict=True)):
            self._cell(self._rows, place, column, value)
            if place in self._sums and value is not None:
                self._sums[place] += Decimal(str(value))
        for place in range(len(self._profile.receipt)):
            self._sheet.write_blank(self._rows, len(values) + place, None, self._receipt)

    def _cell(self, row: int, place: int, column: Column, value: Value) -> None:
        style = self._formats[column.format]
        if value is None or value == "":
            self._sheet.write_blank(row, place, None, style)
        elif column.format is Format.TEXT:
            self._sheet.write_string(row, place, str(value), style)
        elif column.format is Format.DATE:
            self._sheet.write_datetime(row, place, datetime.fromisoformat(str(value)), style)
        else:
            self._sheet.write_number(row, place, float(value), style)

    def _totals(self) -> None:
        row = self._rows + 1
        for place in range(len(self._profile.columns)):
            if place in self._sums:
                self._sheet.write_number(row, place, float(self._sums[place]), self._total)
            else:
                text = TOTAL if place == 0 else f"{self._rows} 条" if place == 1 else ""
                self._sheet.write_string(row, place, text, self._total)
        results = [word for word in _first_words(self._profile) if word]
        place = len(self._profile.columns) + list(self._profile.receipt).index(ReceiptField.RESULT)
        if self._rows:
            self._sheet.data_validation(
                1, place, self._rows, place, {"validate": "list", "source": results, "error_type": "warning"}
            )
        self._sheet.autofilter(0, 0, max(1, self._rows), len(self._profile.columns) + len(self._profile.receipt) - 1)

    def _notes(self) -> None:
        sheet = self._book.add_worksheet("说明")
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 1, 90)
        words = "、".join(_first_words(self._profile))
        lines = [
            ("数据包编号", self._facts.id),
            ("签发方", self._facts.issuer),
            ("接收方", self._facts.receiver_name),
            ("生成时间", self._facts.made_at.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M:%S")),
            ("记录数", str(self._rows)),
            ("如何回执", f"请在黄色列填写回执（{words}），保存后发回。列的顺序可以变动，其余各列请勿修改。"),
            ("如何验证", f"随包的 {MANIFEST} 写明各文件的 SHA-256，{SIGNATURE} 是对它的签名。"),
        ]
        for row, (name, text) in enumerate(lines):
            sheet.write_string(row, 0, name, self._head)
            sheet.write_string(row, 1, text, self._formats[Format.TEXT])


def _first_words(profile: Profile) -> list[str]:
    """For each result the first word that a receiver may use for it."""
    first: dict[Result, str] = {}
    for word, result in profile.results.items():
        first.setdefault(result, word)
    return [first[result] for result in Result if result in first]
