"""What the player protocol shows as examples is what the doors take and answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import Device, unbase64url
from elearn.people import devices
from elearn.people.signatures import signature_holds
from elearn.tracking.licences import Granted, seal
from tests.builders_tracking import a_player, a_readable

PROTOCOL = Path(__file__).parents[3] / "docs" / "player-protocol.md"
RFC_7518_BOB = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"
"""`d` of Bob's key in appendix C: everybody knows it, so everybody can try the examples."""


def test_its_licence_and_its_keys_are_true() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    examples = [json.loads(part.split("```")[0]) for part in text.split("```json\n")[1:]]
    [enrolment] = [example for example in examples if "agreement" in example]
    [licence] = [example["licence"] for example in examples if set(example) == {"licence"}]
    [payload] = [example for example in examples if "keys" in example]

    agreement = msgspec.convert(enrolment["agreement"], devices.Agreement)
    name = devices.thumbprint(agreement.jwk)
    signing = devices.load_key(enrolment["jwk"]["x"], enrolment["jwk"]["y"])
    assert signature_holds(signing, unbase64url(agreement.sig), devices.agreement_bytes(name))

    bob = Device(agreeing=derive_private_key(int.from_bytes(unbase64url(RFC_7518_BOB)), SECP256R1()))
    assert bob.enrolment()["agreement"]["jwk"] == enrolment["agreement"]["jwk"]
    assert bob.open_licence(licence["jwe"]) == payload
    again = seal(
        Granted(
            UUID(licence["id"]),
            UUID(licence["unit"]),
            licence["issued_ms"],
            licence["expires_ms"],
            agreement.jwk.bare(),
        ),
        [unbase64url(key) for key in payload["keys"]],
    )
    assert {**again, "jwe": ""} == {**licence, "jwe": ""}
    assert bob.open_licence(again["jwe"]) == payload
    members, shown = (json.loads(unbase64url(one["jwe"].split(".")[0])).keys() for one in (again, licence))
    assert members == shown


def test_section_10_shows_what_the_doors_answer(app: Flask, session: Session) -> None:
    text = PROTOCOL.read_text().split("## 10. Units of pages")[1]
    said = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    lesson = a_readable(session, 20_000, 45_000, 10_000)
    player = a_player(app, session, lesson.learner_id)
    opened = player.open(lesson.unit_id)
    assert {name: opened[name] for name in said[0]} == said[0]
    page = player.ask_page(0).json()
    assert page.keys() == said[1].keys()
    assert opened["activity"]["definition"]["type"] in text
