"""A real HTTP connection for scripted clients: cookies, sign-in by the page's own form, no redirects followed."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from elearn.demo.scripted_player import Answer


class SignInFailed(RuntimeError):
    """The form did not let us in."""


class HttpTransport:
    """Speaks to `base` (scheme and host, optional prefix); keeps the cookies it is given."""

    def __init__(self, base: str, *, context: ssl.SSLContext | None = None, timeout_s: float = 30) -> None:
        parts = urlsplit(base)
        self.host = parts.netloc
        self.prefix = parts.path.rstrip("/")
        self.context = context
        self.secure = parts.scheme == "https"
        self.timeout_s = timeout_s
        self.cookies: dict[str, str] = {}

    def __call__(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        connection = (
            http.client.HTTPSConnection(self.host, timeout=self.timeout_s, context=self.context)
            if self.secure
            else http.client.HTTPConnection(self.host, timeout=self.timeout_s)
        )
        sent = dict(headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, self.prefix + path, body=body, headers=sent)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, data)

    def form(self, path: str, fields: Mapping[str, str], *, to: str | None = None) -> Answer:
        """Fill in the form of the page at `path`, which leads there or `to` elsewhere; the page has its CSRF token."""
        page = self("GET", path, headers={"Accept": "text/html"}, body=None)
        sent = {"csrf_token": csrf_token(page.body.decode()), **fields}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self("POST", to or path, headers=headers, body=urlencode(sent).encode())

    def sign_in(self, name: str, password: str) -> dict[str, str]:
        """Sign in; answers the headers that unsafe requests of this session need."""
        answer = self.form("/signin", {"name": name, "password": password})
        if answer.status not in (302, 303):
            raise SignInFailed(f"sign-in as {name}: {answer.status}")
        page = self("GET", "/", headers={"Accept": "text/html"}, body=None)
        return {"X-CSRFToken": csrf_token(page.body.decode())}


class _Token(HTMLParser):
    token = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "meta" and found.get("name") == "csrf-token":
            self.token = found.get("content") or ""
        elif tag == "input" and found.get("name") == "csrf_token":
            self.token = found.get("value") or ""


def csrf_token(page: str) -> str:
    """The token that a page of ours carries, in its head or in its form; empty when there is none."""
    parser = _Token()
    parser.feed(page)
    return parser.token


def trusting(base: str) -> ssl.SSLContext | None:
    """For our own self-signed certificate on this machine; None where `base` has none."""
    if not base.startswith("https"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
