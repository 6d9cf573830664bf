"""How fast an exam system reads the change feed: whole pages over HTTP from `elearn serve`, each checked as it comes.

    python -m bench.exam_feed [--records 20000]

Records of as many people, all of one outline, each with its first step in the feed. The reader is one connection that
takes gzip; what it needs itself (unpacking, checking the page's signature, JSON) is told, and does not count.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from bench import servers
from bench.figures import Figure, say
from elearn import create_app
from elearn.clock import utcnow
from elearn.credit_export.exam_system.receivers import SCOPES, Credentials, add_receiver
from elearn.credit_export.lifecycle import STRICTEST, Life, Why
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.records import Writer
from elearn.db import db, new_id
from elearn.people.identity import DocumentKind, Keys
from elearn.people.persons import add_person
from elearn.people.registry import local_day
from elearn.settings import Settings
from tests.builders_credit import an_outline
from tests.builders_people import a_resident_id

RECORDS = 20_000
LEAST_PER_S = 5_000.0
OUTLINE = "bench-outline"


def a_record(person_id: UUID, outline_id: UUID, *, at: datetime) -> EligibilityRecord:
    return EligibilityRecord(
        id=new_id(),
        person_id=person_id,
        outline_id=outline_id,
        version=1,
        status="computed",
        outcome="ineligible",
        reasons=["HOURS_THEORY_SHORT", "OFFLINE_SHARE_LOW"],
        hours=dict.fromkeys(
            ("online_theory_ms", "offline_theory_ms", "offline_practice_ms", "required_theory", "required_practice"), 24
        ),
        rules="cn-aq8011-2023",
        judged_on=local_day(at),
        computed_at=at,
        witnessed=False,
        facts={},
    )


def fill(session: Session, settings: Settings, records: int) -> Credentials:
    """So many people with a record each, and a receiver that may read them."""
    outline_id = an_outline(session, code=OUTLINE).id
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    now = utcnow()
    writer = Writer.begin(session, now)
    for number in range(records):
        person = add_person(
            session,
            name="张三",
            document_kind=DocumentKind.RESIDENT_ID,
            document_number=a_resident_id(serial=number),
            keys=keys,
            at=now,
        )
        made_record = a_record(person.id, outline_id, at=now)
        writer.version(made_record, Life(), reason=Why.FIRST, rule=STRICTEST, held=frozenset())
    session.flush()
    made = add_receiver(session, name="bench", outlines=[OUTLINE], scopes=SCOPES, made_at=now)
    session.commit()
    return made


class Reader:
    """One connection that reads the feed to its end."""

    def __init__(self, port: int, who: Credentials) -> None:
        self.line = http.client.HTTPConnection("localhost", port, timeout=60)
        basic = base64.b64encode(f"{who.client_id}:{who.secret}".encode()).decode()
        form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        token = self._json("POST", "/exam/v1/token", form, urlencode({"grant_type": "client_credentials"}).encode())
        self.headers = {"Authorization": f"Bearer {token['access_token']}", "Accept-Encoding": "gzip"}
        self.keys = KeySet.import_key_set(self._json("GET", "/exam/v1/jwks.json", {}, None))
        self.bytes = 0
        self.own_s = 0.0

    def _json(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Any:
        self.line.request(method, path, body=body, headers=headers)
        return json.loads(self.line.getresponse().read())

    def page(self, cursor: str, more: str) -> dict[str, Any]:
        self.line.request("GET", f"/exam/v1/changes?cursor={cursor}{more}", headers=self.headers)
        answer = self.line.getresponse()
        packed = answer.read()
        began = time.perf_counter()
        self.bytes += len(packed)
        body = gzip.decompress(packed)
        said = jws.deserialize_compact(answer.headers["Page-Signature"] or "", self.keys, algorithms=["Ed25519"])
        if json.loads(said.payload or b"")["sha256"] != hashlib.sha256(body).hexdigest():
            raise RuntimeError("the page is not the one that was signed")
        page: dict[str, Any] = json.loads(body)
        self.own_s += time.perf_counter() - began
        return page

    def read_all(self, more: str = "") -> int:
        cursor, count = "0", 0
        while True:
            page = self.page(cursor, more)
            count += len(page["changes"])
            cursor = page["next_cursor"]
            if not page["more"]:
                return count


def measured(port: int, who: Credentials, records: int, more: str = "") -> tuple[float, str]:
    """Records a second, and in words."""
    reader = Reader(port, who)
    reader.page("0", more)
    reader.own_s, reader.bytes = 0.0, 0
    began = time.perf_counter()
    read = reader.read_all(more)
    took_s = time.perf_counter() - began - reader.own_s
    if read != records:
        raise RuntimeError(f"{read} of {records} records were told")
    rate = records / took_s
    return (
        rate,
        f"{rate:.0f} records/s, {reader.bytes / records:.0f} bytes each; the reader itself {reader.own_s:.1f} s",
    )


def run(records: int = RECORDS) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-feed-") as place, servers.services(Path(place)) as settings:
        app = create_app(settings)
        with app.app_context():
            who = fill(db.session(), settings, records)
            db.session.remove()
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("ANALYZE"))
            db.engine.dispose()
        app.extensions["elearn"].redis.close()
        port, log = servers.free_port(), Path(place) / "elearn.log"
        command = [sys.executable, "-m", "elearn", "serve", "--port", str(port)]
        with servers.running(command, os.environ | settings.to_env(), log) as process:
            servers.wait_for(partial(servers.status_of, port, "/exam/v1/jwks.json"), "elearn serve", process, log)
            rate, words = measured(port, who, records)
            yield Figure("change feed to one reader", LEAST_PER_S / rate, 1.0, f"{words}; one signature a page")
            rate, words = measured(port, who, records, "&signatures=record")
            yield Figure("the same, each record signed too", LEAST_PER_S / rate, None, words)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS)
    return say(run(parser.parse_args().records))


if __name__ == "__main__":
    raise SystemExit(main())
