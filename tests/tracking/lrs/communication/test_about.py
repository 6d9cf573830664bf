"""/xapi/about: what this store is (Communication 2.8)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from elearn.tracking.lrs.doorway import MAX_BODY_BYTES
from elearn.tracking.lrs.rules.forms import is_iri

VERSIONS = (None, "1.0.3", "2.0.0")


@pytest.mark.parametrize("version", VERSIONS)
def test_xapi_00315_to_00319_about_tells_the_latest_patch_of_each_major_version_without_a_key(
    client: FlaskClient, version: str | None
) -> None:
    got = client.get("/xapi/about", headers={} if version is None else {"X-Experience-API-Version": version})
    assert (got.status_code, got.mimetype) == (200, "application/json")
    assert got.json is not None
    assert got.json["version"] == ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]


def test_about_has_no_further_member_but_extensions_and_their_keys_are_iris_xapi_00320(client: FlaskClient) -> None:
    got = client.get("/xapi/about").json
    assert got is not None
    assert set(got) == {"version", "extensions"}
    assert all(is_iri(key) for key in got["extensions"])
    assert got["extensions"]["http://localhost/xapi/extensions/limits"] == {"bytes": MAX_BODY_BYTES}


def test_about_takes_no_parameter(client: FlaskClient) -> None:
    assert client.get("/xapi/about?version=1.0.3").status_code == 400
