"""Pure: documents that people send to be kept as they are, known by their first bytes; nothing here opens a path."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePath

from elearn import unpacking

LARGEST_BYTES = 10_000_000
NAME_MAX = 120
MOST_PARTS = 5_000
"""Of an office document: one of hundreds of pages with pictures has some hundred parts."""

PDF, PNG, JPEG, WEBP = "application/pdf", "image/png", "image/jpeg", "image/webp"
DOC = "application/msword"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

BEGINNINGS = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Of a compound file (MS-CFB, 2.2); it is a text of Word when it has the stream that every such text has."""
WORD_STREAM = "WordDocument".encode("utf-16-le")
"""MS-DOC, 2.1.1; its name stands in the file's directory (MS-CFB, 2.6.1)."""
OFFICE = (("word/document.xml", DOCX), ("ppt/presentation.xml", PPTX))
ENDINGS = {
    PDF: (".pdf",), PNG: (".png",), JPEG: (".jpg", ".jpeg"), WEBP: (".webp",),
    DOC: (".doc",), DOCX: (".docx",), PPTX: (".pptx",),
}  # fmt: skip


def scan_type(content: bytes) -> str | None:
    """What a scan or photo is, by its first bytes: PDF, PNG, JPEG, WebP; None for anything else."""
    found = next((kind for begin, kind in BEGINNINGS if content.startswith(begin)), None)
    if found is None and content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    return found


def document_type(name: str, content: bytes) -> str | None:
    """The same of what people write: also DOC, DOCX and PPTX. None too when the name ends like something else."""
    found = scan_type(content) or _office_type(content)
    return found if found is not None and PurePath(plain_name(name).lower()).suffix in ENDINGS[found] else None


def _office_type(content: bytes) -> str | None:
    if content.startswith(OLE):
        return DOC if WORD_STREAM in content else None
    if not content.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = set(packed.namelist())
    except unpacking.BROKEN_ZIP:
        return None
    if len(names) > MOST_PARTS or "[Content_Types].xml" not in names:
        return None
    return next((kind for part, kind in OFFICE if part in names), None)


def plain_name(name: str) -> str:
    """How its sender calls a file, without folders and what cannot be read; it may be empty."""
    plain = "".join(letter for letter in PurePath(name.replace("\\", "/")).name if letter.isprintable())
    return plain[-NAME_MAX:]
