"""Statements with one attachment, and reading a request as the door does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.statements.attachments import Incoming
from tests.builders_lrs import a_statement, an_attachment

MIXED = "multipart/mixed; boundary=b0undary"
DATA = b"here is a simple attachment"
OTHER = b"here is another one"
URL = "https://school.example/file.txt"

Take = Callable[..., tuple[list[Checked], Incoming]]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hashed(name: str) -> str:
    """The hash of DATA by another SHA."""
    return hashlib.new(name, DATA).hexdigest()


def with_one(data: bytes = DATA, **more: Any) -> dict[str, Any]:
    return a_statement(attachments=[an_attachment(data, **more)])
