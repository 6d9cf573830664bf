"""The simulator's own door. It stands on a machine of whoever tries the product out and asks nobody who they are."""

from __future__ import annotations

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from elearn.exam_sim import plan as planning
from elearn.exam_sim.client import Forged, Unreachable
from elearn.exam_sim.exam import Exam
from elearn.exam_sim.page import page
from elearn.exam_sim.plan import PlanRefused, Push
from elearn.webhooks import WebhookRefused

logger = logging.getLogger(__name__)

MOST_BYTES = 1_000_000
SILENCE_S = 60.0
STATUSES = {Push.ERROR: 500, Push.AWAY: 503, Push.REFUSE: 422, Push.GONE: 410}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], exam: Exam) -> None:
        super().__init__(address, Door)
        self.exam = exam


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_S
    server: Server

    def do_GET(self) -> None:
        exam = self.server.exam
        match self.path:
            case "/":
                self._say(200, page(exam.beliefs.records(), exam.state()).encode(), "text/html; charset=utf-8")
            case "/records.json":
                self._say_json(200, {"records": exam.listed()})
            case "/state.json":
                self._say_json(200, exam.state())
            case _:
                self._say_json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            match self.path:
                case "/push":
                    self._push(body)
                case "/pull":
                    self._say_json(200, {"changes": self.server.exam.pull()})
                case "/check":
                    self._say_json(200, self.server.exam.client.check(json.loads(body)))
                case "/receipts":
                    self._say_json(200, {"sent": self.server.exam.send_receipts()})
                case "/decide":
                    self._say_json(200, {"decided": self.server.exam.decide_again(json.loads(body)["record_id"])})
                case _:
                    self._say_json(404, {"error": "not_found"})
        except Unreachable as error:
            self._say_json(502, {"error": "unreachable", "detail": str(error)})
        except Forged as error:
            self._say_json(502, {"error": "forged", "detail": str(error)})
        except (PlanRefused, ValueError, KeyError, TypeError) as error:
            self._say_json(400, {"error": "malformed", "detail": str(error)})

    def _push(self, body: bytes) -> None:
        """A push, treated by plan."""
        exam = self.server.exam
        try:
            step = planning.push_step(exam.plan(), exam.beliefs.count("pushes"))
        except PlanRefused as error:  # our own fault, so the message is to come again
            self._say_json(503, {"error": "plan", "detail": str(error)})
            return
        if step.do in STATUSES:
            self._say_json(STATUSES[step.do], {"error": step.do.value})
            return
        if step.do is Push.TIME_OUT:
            time.sleep(step.seconds)
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            new = exam.hear(headers, body)
        except WebhookRefused as error:
            self._say_json(401, {"error": "signature", "detail": str(error)})
            return
        except Unreachable as error:
            self._say_json(503, {"error": "unreachable", "detail": str(error)})
            return
        if step.do is Push.LOSE_ANSWER:
            self.close_connection = True
            return
        if step.do is Push.LATE:
            time.sleep(step.seconds)
        self._say_json(200, {"new": new})

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            self._say_json(413, {"error": "too_large"})
            return None
        return self.rfile.read(int(length))

    def _say_json(self, status: int, said: Any) -> None:
        self._say(status, json.dumps(said, ensure_ascii=False).encode(), "application/json")

    def _say(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        logger.debug(format, *arguments)


def every(seconds: float, work: Any, stopping: threading.Event, name: str) -> threading.Thread:
    """A thread that works again and again until `stopping`."""

    def run() -> None:
        while not stopping.wait(seconds):
            work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
