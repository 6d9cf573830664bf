"""One frozen `Settings`, read from the environment once and checked at start.

Services get the value they need, not Settings. Every variable stands in the README's table (a test compares).
Secrets that a production set-up must bring itself are made and kept under the data directory when the
embedded default runs, so that a first start needs no preparation.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path


class SettingsError(ValueError):
    """Settings are missing or wrong; the message names every one of them."""


SECRETS = dict.fromkeys(("ELEARN_SECRET_KEY", "ELEARN_SEALING_KEY", "ELEARN_INDEX_KEY", "ELEARN_SIGNING_KEY"), 32)
"""Variable -> bytes. Each is base64url. The signing key is an Ed25519 seed (RFC 8032)."""

SERVICES = {
    "ELEARN_SMS_URL": "ELEARN_SMS_SECRET",
    "ELEARN_FACE_URL": "ELEARN_FACE_SECRET",
    "ELEARN_IDENTITY_URL": "ELEARN_IDENTITY_SECRET",
}
"""Services of others that may be used, each with the secret that signs what goes there."""
SHORTEST_SECRET = 16
PER_PERCENT = 10_000

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
"""As browsers write one (RFC 6454): small letters, no path. There is no `*`: the list says whose pages are trusted."""

SIGNER = re.compile(r"unix:/.+|http://([a-z0-9.-]+|\[[0-9a-f:]+\]):[0-9]{1,5}")


SMTP = re.compile(r"(smtp|smtp\+starttls|smtps)://(?:([^:@/\s]+)@)?([a-z0-9.-]+):([0-9]{1,5})")
SENDER = re.compile(r"[\w.+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
SECURITY = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "tls"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The house's own SMTP server."""

    host: str
    port: int
    security: str
    """`none`, `starttls` or `tls`."""
    sender: str
    user: str = ""
    password: str = field(repr=False, default="")
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    data_dir: Path
    """Where the embedded services, uploads and secrets live."""
    media_dir: Path
    """Packaged lessons: `<content hash>/public` may be served to anybody."""
    public_url: str
    """Scheme and host that people and exam systems use; actor home page and token issuer."""
    media_url: str | None
    """Where a CDN or nginx serves `media_dir`; unset, the application does."""
    secret_key: bytes = field(repr=False)
    """Signs cookies, sitting tokens and the stream of presence checks."""
    sealing_key: bytes = field(repr=False)
    """Wraps each person's data key and the media keys (AES-256-GCM)."""
    index_key: bytes = field(repr=False)
    """Keys the blind index by which a document number is found (HMAC-SHA-256)."""
    signing_key: bytes = field(repr=False)
    """Ed25519 seed that signs what exam systems receive."""
    database_url: str | None = field(repr=False, default=None)
    """PostgreSQL; unset, the embedded default."""
    redis_url: str | None = field(repr=False, default=None)
    """Redis or Valkey; unset, the embedded default."""
    sms_url: str | None = None
    """Gateway that sends one-time codes as text messages; unset, that way of confirming is not offered."""
    sms_secret: str = field(repr=False, default="")
    """Signs what goes to the gateway."""
    remind_by_sms: bool = False
    """Reminders of training also go out by `sms_url`, at most one a day and person."""
    mail: MailServer | None = None
    """Reminders of training go out by e-mail to who has confirmed an address; unset, nobody is asked for one."""
    face_url: str | None = None
    """Service that compares faces; unset, that way of confirming is not offered."""
    face_secret: str = field(repr=False, default="")
    """Signs what goes to the face service."""
    identity_url: str | None = None
    """Gateway that compares a document with a name; unset, nobody's identity is asked about."""
    identity_secret: str = field(repr=False, default="")
    """Signs what goes to that gateway."""
    policy_scale: int = 1
    """Divides the presence times of the watch policy; above 1 only for demonstrations and tests."""
    lrs_largest_request_bytes: int = 25_000_000
    """Of statements that come to /xapi/ with attachments."""
    trusted_proxies: int = 0
    """How many proxies of ours stand in front: so many entries of X-Forwarded-For are believed."""
    lrs_origins: tuple[str, ...] = ()
    """Whose pages may use /xapi/ from a browser (CORS); a key or token is asked for all the same."""
    lrs_rate: int = 2000
    """Requests a second that a web process answers to one key of /xapi/."""
    ledger_files: Path | None = None
    """Where the log's public files are written; unset, below `data_dir`."""
    ledger_signer: str | None = None
    """Where the process that signs the log listens; unset, one of our own below `data_dir`."""
    ledger_secret: str = field(repr=False, default="")
    """Shared with a signer on another host."""
    ledger_policy: Path | None = None
    """Witnesses and how many of them it takes (C2SP tlog-policy); unset, none."""
    ledger_series: int = 1
    """Which log of its year is written; a higher number begins a new one."""
    ledger_sample_per_million: int = 20_000
    """Share of the credited blocks whose raw evidence an authority may ask for: what it draws."""
    evidence_days: int = 0
    """How long evidence is kept for whoever computes hours again; 0: for good. Nothing is deleted by it."""
    ledger_tsa: str | None = None
    """Where a time stamp authority stamps the newest checkpoint once an hour (RFC 3161); unset, nobody does."""
    secure_cookies: bool = True
    """False only when `public_url` is plain http on one machine."""

    @property
    def ledger_dir(self) -> Path:
        """The log's public files: `<year>/checkpoint`, `<year>/tile/...`."""
        return self.ledger_files or self.data_dir / "ledger"

    @property
    def ledger_signer_dir(self) -> Path:
        """Key, state and socket of our own signer."""
        return self.data_dir / "ledger_signer"

    @property
    def ledger_minute_ms(self) -> int:
        """How long a minute of evidence is; shorter where presence times are."""
        return max(1, 60_000 // self.policy_scale)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read and check the environment. Raises SettingsError naming everything that is wrong at once."""
        env = os.environ if env is None else env
        wrong: list[str] = []
        data_dir = Path(env.get("ELEARN_DATA_DIR", "var")).absolute()
        embedded = "DATABASE_URL" not in env
        kept = _kept_secrets(data_dir) if embedded else {}
        keys: dict[str, bytes] = {}
        for name, length in SECRETS.items():
            text = env.get(name) or kept.get(name)
            if text is None:
                wrong.append(f"{name} is missing ({length} bytes, base64url)")
                continue
            try:
                value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            except ValueError:
                value = b""
            if len(value) != length:
                wrong.append(f"{name} must be {length} bytes in base64url")
            keys[name] = value
        if not embedded and "REDIS_URL" not in env:
            wrong.append("REDIS_URL is missing (needed with DATABASE_URL)")
        public_url = env.get("ELEARN_PUBLIC_URL", "http://localhost:8000").rstrip("/")
        if not public_url.startswith(("http://", "https://")):
            wrong.append("ELEARN_PUBLIC_URL must begin with http:// or https://")

        def whole(name: str, usual: int, *, least: int, most: int | None = None) -> int:
            text = env.get(name, str(usual))
            if text.isdecimal() and least <= int(text) and (most is None or int(text) <= most):
                return int(text)
            bounds = f", {least} or more" if most is None else f" from {least} to {most}"
            wrong.append(f"{name} must be a whole number{bounds}")
            return usual

        scale = whole("ELEARN_POLICY_SCALE", 1, least=1)
        proxies = whole("ELEARN_TRUSTED_PROXIES", 0, least=0)
        largest_mb = whole("ELEARN_LRS_LARGEST_REQUEST_MB", 25, least=1, most=1000)
        rate = whole("ELEARN_LRS_RATE", 2000, least=1)
        series = whole("ELEARN_LEDGER_SERIES", 1, least=1, most=99)
        evidence_days = whole("ELEARN_EVIDENCE_DAYS", 0, least=0, most=36_500)
        remind_by_sms = env.get("ELEARN_REMIND_BY_SMS", "no")
        if remind_by_sms not in ("yes", "no"):
            wrong.append("ELEARN_REMIND_BY_SMS must be yes or no")
        if remind_by_sms == "yes" and "ELEARN_SMS_URL" not in env:
            wrong.append("ELEARN_SMS_URL is missing (needed with ELEARN_REMIND_BY_SMS)")
        mail = _mail(env, wrong)
        per_million = _per_million(env.get("ELEARN_LEDGER_SAMPLE", "2"))
        if per_million is None:
            wrong.append("ELEARN_LEDGER_SAMPLE must be percent: more than 0, at most 100, with at most four decimals")
        tsa = env.get("ELEARN_LEDGER_TSA") or None
        if tsa is not None and not tsa.startswith(("http://", "https://")):
            wrong.append("ELEARN_LEDGER_TSA must begin with http:// or https://")
        origins = tuple(env.get("ELEARN_LRS_ORIGINS", "").replace(",", " ").split())
        if not all(ORIGIN.fullmatch(origin) for origin in origins):
            wrong.append("ELEARN_LRS_ORIGINS must hold origins like https://school.example, with commas between")
        signer, policy = env.get("ELEARN_LEDGER_SIGNER"), env.get("ELEARN_LEDGER_POLICY")
        if signer is not None and not SIGNER.fullmatch(signer):
            wrong.append("ELEARN_LEDGER_SIGNER must be unix:/path/of/a/socket or http://host:port")
        if (signer or "").startswith("http") and len(env.get("ELEARN_LEDGER_SECRET", "")) < SHORTEST_SECRET:
            wrong.append(
                f"ELEARN_LEDGER_SECRET is missing ({SHORTEST_SECRET} characters or more, with ELEARN_LEDGER_SIGNER)"
            )
        if policy is not None and not Path(policy).is_file():
            wrong.append("ELEARN_LEDGER_POLICY must name a file")
        for url, secret in SERVICES.items():
            if not env.get(url, "https://").startswith(("http://", "https://")):
                wrong.append(f"{url} must begin with http:// or https://")
            if url in env and len(env.get(secret, "")) < SHORTEST_SECRET:
                wrong.append(f"{secret} is missing ({SHORTEST_SECRET} characters or more, with {url})")
        if wrong:
            raise SettingsError("Settings: " + "; ".join(wrong))
        return cls(
            data_dir=data_dir,
            media_dir=Path(env.get("ELEARN_MEDIA_DIR", data_dir / "media")).absolute(),
            public_url=public_url,
            media_url=env.get("ELEARN_MEDIA_URL"),
            secret_key=keys["ELEARN_SECRET_KEY"],
            sealing_key=keys["ELEARN_SEALING_KEY"],
            index_key=keys["ELEARN_INDEX_KEY"],
            signing_key=keys["ELEARN_SIGNING_KEY"],
            database_url=env.get("DATABASE_URL"),
            redis_url=env.get("REDIS_URL"),
            sms_url=env.get("ELEARN_SMS_URL"),
            sms_secret=env.get("ELEARN_SMS_SECRET", ""),
            remind_by_sms=remind_by_sms == "yes",
            mail=mail,
            face_url=env.get("ELEARN_FACE_URL"),
            face_secret=env.get("ELEARN_FACE_SECRET", ""),
            identity_url=env.get("ELEARN_IDENTITY_URL"),
            identity_secret=env.get("ELEARN_IDENTITY_SECRET", ""),
            policy_scale=scale,
            lrs_largest_request_bytes=largest_mb * 1_000_000,
            trusted_proxies=proxies,
            lrs_origins=origins,
            lrs_rate=rate,
            ledger_files=Path(env["ELEARN_LEDGER_DIR"]).absolute() if "ELEARN_LEDGER_DIR" in env else None,
            ledger_signer=signer,
            ledger_secret=env.get("ELEARN_LEDGER_SECRET", ""),
            ledger_policy=None if policy is None else Path(policy).absolute(),
            ledger_series=series,
            ledger_sample_per_million=per_million or 0,
            evidence_days=evidence_days,
            ledger_tsa=tsa,
            secure_cookies=public_url.startswith("https://"),
        )

    def to_env(self) -> dict[str, str]:
        """The same settings as variables, for the processes that a server starts; holds secrets."""
        keys = (self.secret_key, self.sealing_key, self.index_key, self.signing_key)
        env = {name: base64.urlsafe_b64encode(key).decode() for name, key in zip(SECRETS, keys, strict=True)}
        env |= {
            "ELEARN_DATA_DIR": str(self.data_dir),
            "ELEARN_MEDIA_DIR": str(self.media_dir),
            "ELEARN_PUBLIC_URL": self.public_url,
            "ELEARN_POLICY_SCALE": str(self.policy_scale),
            "ELEARN_LRS_LARGEST_REQUEST_MB": str(self.lrs_largest_request_bytes // 1_000_000),
            "ELEARN_TRUSTED_PROXIES": str(self.trusted_proxies),
            "ELEARN_LRS_RATE": str(self.lrs_rate),
            "ELEARN_LEDGER_SERIES": str(self.ledger_series),
            "ELEARN_LEDGER_SAMPLE": str(Decimal(self.ledger_sample_per_million) / PER_PERCENT),
            "ELEARN_EVIDENCE_DAYS": str(self.evidence_days),
            "ELEARN_REMIND_BY_SMS": "yes" if self.remind_by_sms else "no",
        }
        rest = {
            "ELEARN_MEDIA_URL": self.media_url,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "ELEARN_SMS_URL": self.sms_url,
            "ELEARN_SMS_SECRET": self.sms_secret or None,
            "ELEARN_FACE_URL": self.face_url,
            "ELEARN_FACE_SECRET": self.face_secret or None,
            "ELEARN_IDENTITY_URL": self.identity_url,
            "ELEARN_IDENTITY_SECRET": self.identity_secret or None,
            "ELEARN_LRS_ORIGINS": ",".join(self.lrs_origins) or None,
            "ELEARN_LEDGER_DIR": None if self.ledger_files is None else str(self.ledger_files),
            "ELEARN_LEDGER_SIGNER": self.ledger_signer,
            "ELEARN_LEDGER_SECRET": self.ledger_secret or None,
            "ELEARN_LEDGER_POLICY": None if self.ledger_policy is None else str(self.ledger_policy),
            "ELEARN_LEDGER_TSA": self.ledger_tsa,
        }
        if self.mail is not None:
            scheme = next(name for name, security in SECURITY.items() if security == self.mail.security)
            user = f"{self.mail.user}@" if self.mail.user else ""
            rest["ELEARN_SMTP_URL"] = f"{scheme}://{user}{self.mail.host}:{self.mail.port}"
            rest["ELEARN_SMTP_FROM"] = self.mail.sender
            rest["ELEARN_SMTP_PASSWORD"] = self.mail.password or None
        return env | {name: value for name, value in rest.items() if value is not None}


def _mail(env: Mapping[str, str], wrong: list[str]) -> MailServer | None:
    """The mail server, when one is named; what is wrong is added to `wrong`."""
    url = env.get("ELEARN_SMTP_URL")
    if url is None:
        return None
    found = SMTP.fullmatch(url)
    if found is None:
        wrong.append("ELEARN_SMTP_URL must be smtp+starttls://user@host:587, smtps://... or smtp://host:25")
    sender = env.get("ELEARN_SMTP_FROM", "")
    if not SENDER.fullmatch(sender):
        wrong.append("ELEARN_SMTP_FROM must be an e-mail address (needed with ELEARN_SMTP_URL)")
    if found is not None and found[2] and not env.get("ELEARN_SMTP_PASSWORD"):
        wrong.append("ELEARN_SMTP_PASSWORD is missing (needed with a user in ELEARN_SMTP_URL)")
    if found is not None and found[2] and found[1] == "smtp":
        wrong.append("ELEARN_SMTP_URL names a user: use smtp+starttls or smtps, so that no password goes in the open")
    if found is None:
        return None
    password = env.get("ELEARN_SMTP_PASSWORD", "")
    return MailServer(found[3], int(found[4]), SECURITY[found[1]], sender, found[2] or "", password)


def _per_million(percent: str) -> int | None:
    """None for what is no such share."""
    try:
        share = Decimal(percent) * PER_PERCENT
    except InvalidOperation:
        return None
    return int(share) if share.is_finite() and 0 < share <= 100 * PER_PERCENT and share == int(share) else None


def _kept_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of the embedded default: made once, readable by the owner only."""
    path = data_dir / "secrets.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        made = {name: secrets.token_urlsafe(length) for name, length in SECRETS.items()}
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(made))
        try:
            os.link(fresh, path)  # of two first starts at once, one wins and both read its secrets
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    read: dict[str, str] = json.loads(path.read_text())
    return read
