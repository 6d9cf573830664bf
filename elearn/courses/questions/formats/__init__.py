"""Questions in and out: XLSX, GIFT, Moodle XML, QTI 2.1. All pure; nothing is stored here.

    draft.py        what every format is read into, what is wrong with a row, the mark of certificate questions
    safe_xml.py     XML of strangers: no document types, no entities, limits
    safe_zip.py     archives of strangers: no bombs, no escapes
    html_text.py    text out of HTML
    xlsx.py gift.py moodle_xml.py qti.py qti_writing.py

`read(name, data)` finds the format by what the file holds; `write(format, questions, images)` makes a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from elearn.courses.questions.formats import gift, moodle_xml, qti, qti_writing, xlsx
from elearn.courses.questions.formats.draft import (
    FOR_CERTIFICATE,
    MAX_FILE_BYTES,
    Outgoing,
    Reading,
    Written,
    says_certificate,
)
from elearn.courses.questions.formats.safe_xml import parse
from elearn.courses.questions.formats.safe_zip import Package
from elearn.errors import Malformed, TooLarge


class Format(StrEnum):
    XLSX = "xlsx"
    GIFT = "gift"
    MOODLE = "moodle"
    QTI = "qti"


SUFFIX = {Format.XLSX: "xlsx", Format.GIFT: "gift.txt", Format.MOODLE: "xml", Format.QTI: "zip"}
MEDIA_TYPE = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.GIFT: "text/plain; charset=utf-8",
    Format.MOODLE: "application/xml",
    Format.QTI: "application/zip",
}


def read(name: str, data: bytes) -> tuple[Format, Reading]:
    """All questions of a file, whatever its name says. Raises TooLarge, Unsafe, BadXml, Malformed."""
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge("A file of questions has at most 32 MB.")
    if not data.strip():
        raise Malformed("The file is empty.", code="empty_file")
    found, reading = _read(data)
    if says_certificate(name):
        reading.bad(1, FOR_CERTIFICATE)
    return found, reading


def _read(data: bytes) -> tuple[Format, Reading]:
    if data.startswith(b"PK"):
        package = Package(data)
        if "[Content_Types].xml" in package.names:
            return Format.XLSX, xlsx.read(data)
        return Format.QTI, qti.read_package(package)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        root = parse(data)
        if root.tag == "assessmentItem" or "qti" in root.space:
            return Format.QTI, qti.read_item(root)
        return Format.MOODLE, moodle_xml.read(root)
    return Format.GIFT, gift.read(_text(data))


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Malformed("The file is neither a workbook, nor a package, nor XML, nor text.", code="unknown_file")


def write(format_: Format, questions: Sequence[Outgoing], images: dict[str, tuple[str, bytes]]) -> Written:
    """A file of questions; `images`: hash -> (media type, bytes)."""
    if format_ is Format.XLSX:
        return xlsx.write(questions)
    if format_ is Format.GIFT:
        return gift.write(questions)
    if format_ is Format.MOODLE:
        return moodle_xml.write(questions, images)
    return qti_writing.write(questions, images)
