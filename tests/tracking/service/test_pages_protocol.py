"""Section 10 of the player protocol shows what the doors answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from tests.builders_tracking import a_player, a_readable

PROTOCOL = Path(__file__).parents[3] / "docs" / "player-protocol.md"


def test_the_protocol_shows_what_the_doors_answer(app: Flask, session: Session) -> None:
    text = PROTOCOL.read_text().split("## 10. Units of pages")[1]
    said = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    lesson = a_readable(session, 20_000, 45_000, 10_000)
    player = a_player(app, session, lesson.learner_id)
    opened = player.open(lesson.unit_id)
    assert {name: opened[name] for name in said[0]} == said[0]
    page = player.ask_page(0).json()
    assert page.keys() == said[1].keys()
    assert opened["activity"]["definition"]["type"] in text
