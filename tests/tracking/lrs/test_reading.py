"""What a read leaves behind in its connection."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from elearn.db import db
from tests.builders_lrs import a_key, a_statement

ENDS = ("commit", "rollback")


@pytest.mark.parametrize(
    "address", ["statements", "statements?verb=http://example.com/v", "activities?activityId=urn:a"]
)
def test_a_read_ends_in_commit_so_that_prepared_commands_outlast_it(own_app: Flask, address: str) -> None:
    """After a ROLLBACK psycopg forgets them, and PostgreSQL would plan each page of statements anew."""
    with own_app.app_context():
        headers, engine = a_key(db.session()), db.engine
    client = own_app.test_client()
    assert client.post("/xapi/statements", json=a_statement(), headers=headers).status_code == 200
    ended: list[str] = []
    for name in ENDS:
        sa.event.listen(engine, name, lambda *_, name=name: ended.append(name))
    assert client.get(f"/xapi/{address}", headers=headers).status_code == 200
    assert set(ended) == {"commit"}
