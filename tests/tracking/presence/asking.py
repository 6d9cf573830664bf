"""Asking for and answering checks over HTTP."""

from __future__ import annotations

from typing import Any

from elearn.demo.scripted_player import Answer, ScriptedPlayer


def ask(player: ScriptedPlayer, method: str | None = None) -> Answer:
    return player.call("POST", player.at("/checks"), {} if method is None else {"method": method})


def asked(player: ScriptedPlayer, method: str | None = None) -> dict[str, Any]:
    got = ask(player, method)
    assert got.status == 201, got.body
    check: dict[str, Any] = got.json()["check"]
    return check


def send(player: ScriptedPlayer, check: dict[str, Any], **said: object) -> Answer:
    return player.call("POST", player.at(f"/checks/{check['id']}"), said)


def outcome(player: ScriptedPlayer, check: dict[str, Any], **said: object) -> str:
    got = send(player, check, **said)
    assert got.status == 200, got.body
    player.state = {**player.state, **got.json()}
    return str(got.json()["outcome"])
