"""The parameters of GET /xapi/statements: which there are, and which values they have (Communication 2.1.3)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key, a_statement
from tests.tracking.lrs.communication.statements_client import BEN, THROUGH, UUID_1, Statements


@pytest.fixture
def parameters(client: FlaskClient, session: Session) -> Statements:
    """For the long tables: parameters are judged before the version says anything."""
    return Statements(client, a_key(session))


@pytest.mark.parametrize("name", ["statementId", "voidedStatementId"])
@pytest.mark.parametrize(
    ("other", "value"),
    [
        ("agent", BEN),
        ("verb", "urn:v"),
        ("activity", "urn:a"),
        ("registration", UUID_1),
        ("related_activities", "true"),
        ("related_agents", "true"),
        ("since", "2026-01-01T00:00:00Z"),
        ("until", "2026-01-01T00:00:00Z"),
        ("limit", "1"),
        ("ascending", "true"),
        ("more", "x"),
    ],
)
def test_an_id_goes_with_no_filter(parameters: Statements, name: str, other: str, value: Any) -> None:
    """XAPI-00150, XAPI-00151: refused before it is looked for."""
    sent = a_statement()
    parameters.post(sent)
    answer = parameters.get(**{name: sent["id"], other: value})
    assert answer.status_code == 400
    assert answer.json is not None
    assert (answer.json["property"], answer.json["clause"]) == (other, "Communication 2.1.3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("statementId", value) for value in ("", "x", "{" + UUID_1 + "}", UUID_1.replace("-", ""))),
        ("voidedStatementId", "x"),
        ("agent", ""),
        ("agent", "ben"),
        ("agent", "true"),
        ("agent", "[]"),
        ("agent", "{"),
        ("agent", "{}"),
        ("agent", '{"mbox":"mailto:a@b","mbox":"mailto:c@d"}'),
        ("agent", '{"mbox":"mailto:a@b","openid":"urn:x"}'),
        ("agent", '{"mbox":"a@b"}'),
        ("agent", '{"objectType":"Group","member":[{"mbox":"mailto:a@b"}]}'),
        ("agent", '{"mbox":"mailto:a@b","x":1}'),
        ("agent", "[" * 10_000),
        ("agent", '{"account":{"homePage":"urn:x","name":"\\ud800"}}'),
        ("verb", ""),
        ("verb", "not.a.valid.iri.com/verb"),
        ("activity", "no iri"),
        ("activity", "urn:a\0b"),
        ("registration", "x"),
        ("registration", ""),
        ("related_agents", "True"),
        ("related_agents", "1"),
        ("related_activities", ""),
        ("ascending", "yes"),
        ("attachments", "TRUE"),
        ("format", ""),
        ("format", "Exact"),
        ("format", "short"),
        ("since", ""),
        ("since", "yesterday"),
        ("since", "2026-02-30T00:00:00Z"),
        ("until", "2026-01-01T00:00:00-00:00"),
        ("until", "1"),
        ("limit", ""),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", "1e3"),
        ("limit", "+1"),
        ("limit", "١"),
        ("limit", "9" * 40),
        ("more", ""),
        ("more", "x"),
        ("foo", "bar"),
        *((name, "x") for name in ("StatementId", "VoidedStatementId", "Agent", "VERB", "LIMIT", "Related_Agents")),
    ],
)  # fmt: skip
def test_a_value_that_no_parameter_has_is_refused_with_its_clause(
    parameters: Statements, name: str, value: str
) -> None:
    """XAPI-00324, XAPI-00325; Data 2.2: values are judged like those of statements."""
    answer = parameters.get(**{name: value})
    assert answer.status_code == 400, answer.data
    assert answer.json is not None
    assert answer.json["property"].startswith(name)
    assert "Communication 2.1.3" in answer.json["clause"] or answer.json["clause"] == "Data 2.5" or name == "agent"
    assert THROUGH in answer.headers


def test_a_parameter_is_given_once(statements: Statements) -> None:
    answer = statements.client.get("/xapi/statements?limit=1&limit=2", headers=statements.headers)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["property"] == "limit"
