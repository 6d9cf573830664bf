"""What the simulator believes, in an SQLite file: records by their id, messages it had, receipts to be sent."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS record (
    record_id TEXT PRIMARY KEY, version INTEGER NOT NULL, cursor INTEGER NOT NULL, status TEXT NOT NULL,
    outcome TEXT, data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, type TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY, body TEXT NOT NULL, due_s REAL NOT NULL, sent INTEGER NOT NULL, answer TEXT
);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Belief:
    record_id: str
    version: int
    cursor: int
    """Place in the feed of what was heard last: what is older than that changes nothing."""
    status: str
    outcome: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """A receipt that is to be sent."""

    number: int
    body: dict[str, Any]
    sent: int


class Beliefs:
    """One file, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.executescript(TABLES)

    def close(self) -> None:
        self._base.close()

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """What is done within is kept as a whole or not at all."""
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def record(self, record_id: str) -> Belief | None:
        return next(iter(self._records("WHERE record_id = ?", record_id)), None)

    def records(self) -> list[Belief]:
        return self._records("ORDER BY cursor")

    def _records(self, where: str, *values: object) -> list[Belief]:
        with self._lock:
            rows = self._base.execute(
                f"SELECT record_id, version, cursor, status, outcome, data FROM record {where}", values
            ).fetchall()
        return [
            Belief(record_id, version, cursor, status, outcome, json.loads(data))
            for record_id, version, cursor, status, outcome, data in rows
        ]

    def put(self, one: Belief) -> None:
        self._base.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)",
            (one.record_id, one.version, one.cursor, one.status, one.outcome, json.dumps(one.data, ensure_ascii=False)),
        )

    def had(self, message_id: str, kind: str) -> bool:
        """Note a message; whether it came before."""
        row = self._base.execute(
            "INSERT INTO message VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times",
            (message_id, kind),
        ).fetchone()
        return bool(row[0] > 1)

    def messages(self) -> list[tuple[str, str, int]]:
        """(id, type, how often it came)."""
        with self._lock:
            return [tuple(row) for row in self._base.execute("SELECT id, type, times FROM message ORDER BY rowid")]

    def add_receipt(self, body: dict[str, Any], *, due_s: float) -> None:
        cursor = self._base.execute("INSERT INTO receipt (body, due_s, sent) VALUES ('', ?, 0)", (due_s,))
        whole = {"receipt_id": f"R-{cursor.lastrowid}", **body}
        self._base.execute("UPDATE receipt SET body = ? WHERE number = ?", (json.dumps(whole), cursor.lastrowid))

    def due(self, *, now_s: float, times: int, newest_first: bool) -> list[Due]:
        order = "DESC" if newest_first else "ASC"
        with self._lock:
            rows = self._base.execute(
                "SELECT number, body, sent FROM receipt WHERE due_s <= ? AND sent < ? "
                f"ORDER BY number {order} LIMIT 100",
                (now_s, times),
            ).fetchall()
        return [Due(number, json.loads(body), sent) for number, body, sent in rows]

    def answered(self, number: int, answer: dict[str, Any]) -> None:
        """A receipt was sent once more, and this was said to it."""
        with self._lock:
            self._base.execute(
                "UPDATE receipt SET sent = sent + 1, answer = ? WHERE number = ?", (json.dumps(answer), number)
            )

    def receipts(self) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._base.execute("SELECT body, sent, answer FROM receipt ORDER BY number").fetchall()
        return [
            {**json.loads(body), "sent": sent, "answered": json.loads(answer) if answer else None}
            for body, sent, answer in rows
        ]

    def kept(self, name: str, default: str = "") -> str:
        with self._lock:
            row = self._base.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else default

    def keep(self, name: str, value: str) -> None:
        with self._lock:
            self._base.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def count(self, name: str) -> int:
        """0, 1, 2 ...: another number each time."""
        with self._lock:
            number = int(self.kept(name, "0"))
            self.keep(name, str(number + 1))
        return number
