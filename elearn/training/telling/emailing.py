"""E-mail: a server that the house has set up (SMTP, RFC 5321), and people's own addresses, which a code has confirmed.

An address is sealed under its person's key. It is asked for by nobody and shown to nobody else: who wants reminders by
e-mail enters it, and it holds once the code that was sent there came back.
"""

from __future__ import annotations

import hmac
import re
import secrets
import smtplib
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base
from elearn.errors import Malformed, NotFound, TooMany
from elearn.outgoing import NotUsable, OutOfOrder
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.people.models import Disclosure
from elearn.settings import MailServer
from elearn.training.telling.sending import Channel
from elearn.training.telling.wording import Said

PURPOSE = "e-mail address"
FORM = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
"""As browsers take one (HTML, section 4.10.5.1.5), with a domain of two parts; ASCII only, so no name is a header."""
LONGEST = 254
DIGITS = 6
CODE_HOLDS = timedelta(minutes=30)
BETWEEN_CODES = timedelta(minutes=1)
MOST_TRIES = 5


class EmailAddress(Base):
    """Where a person wants reminders by e-mail; counts once `verified_at` is set."""

    __tablename__ = "email_address"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), primary_key=True)
    address_sealed: Mapped[bytes]
    code_hash: Mapped[str]
    """Of the code that was sent there last; empty once it came back."""
    code_at: Mapped[datetime]
    tries: Mapped[int]
    verified_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Emails:
    """The carrier of reminders by e-mail."""

    server: MailServer
    keys: Keys = field(repr=False)
    channel: Channel = Channel.EMAIL

    def addresses(self, session: Session, people: Collection[UUID], *, at: datetime) -> dict[UUID, str]:
        rows = session.execute(
            sa.select(EmailAddress.person_id, EmailAddress.address_sealed).where(
                EmailAddress.person_id.in_(list(people)), EmailAddress.verified_at.is_not(None)
            )
        ).all()
        opened = personal.open_many(session, self.keys, PURPOSE, [(row[0], row[1]) for row in rows])
        found = {row[0]: address for row, address in zip(rows, opened, strict=True) if address is not None}
        session.add_all(
            Disclosure(
                person_id=one, receiver=self.server.host, what=PURPOSE, reason="training reminder", disclosed_at=at
            )
            for one in found
        )
        session.flush()
        return found

    def send(self, address: str, words: Said, message_id: str, at: datetime) -> None:
        post(self.server, address, words, message_id, at)


def post(server: MailServer, address: str, words: Said, message_id: str, at: datetime) -> None:
    """One e-mail. Raises NotUsable: this address or message is refused for good; OutOfOrder: anything else."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = words.title, server.sender, address
    mail["Date"], mail["Message-ID"] = format_datetime(at), f"<{message_id}@{server.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    # In base64 also a server of the last century hands it on whole.
    mail.set_content("\n".join((words.title, "", *words.lines)) + "\n", cte="base64")
    context, we = ssl.create_default_context(), server.sender.partition("@")[2]
    try:
        if server.security == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, we, timeout=server.timeout_s, context=context
            )
        else:
            line = smtplib.SMTP(server.host, server.port, we, timeout=server.timeout_s)
        with line:
            if server.security == "starttls":
                line.starttls(context=context)  # a server that offers none raises: nothing goes out in the open
            if server.user:
                line.login(server.user, server.password)
            line.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        final = all(code >= 500 for code, _why in error.recipients.values())
        raise (NotUsable if final else OutOfOrder)("The mail server takes nothing for this address.") from None
    except smtplib.SMTPDataError as error:
        raise (NotUsable if error.smtp_code >= 500 else OutOfOrder)("The mail server refused the message.") from None
    except (OSError, smtplib.SMTPException):
        raise OutOfOrder("A service this needs is out of order at the moment.") from None


def address_of(session: Session, person_id: UUID, keys: Keys) -> tuple[str, bool] | None:
    """A person's own address, and whether it is confirmed."""
    row = session.get(EmailAddress, person_id)
    if row is None:
        return None
    [address] = personal.open_sealed(session, person_id, keys, PURPOSE, row.address_sealed)
    return address, row.verified_at is not None


def ask(session: Session, person_id: UUID, address: str, *, keys: Keys, secret: bytes, at: datetime) -> str:
    """Keep an address, unconfirmed; answers the code to send there. Raises Malformed `address`, TooMany."""
    normal = address.strip()
    if len(normal) > LONGEST or not FORM.fullmatch(normal):
        raise Malformed("This is no e-mail address.", code="address")
    sealed = personal.seal(session, person_id, keys, PURPOSE, normal)
    row = session.get(EmailAddress, person_id, with_for_update=True, populate_existing=True)
    if row is not None and at - row.code_at < BETWEEN_CODES:
        raise TooMany("Please wait a minute before you ask for another code.", retry_after_s=60, code="too_many_codes")
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    if row is None:
        row = EmailAddress(person_id=person_id)
        session.add(row)
    row.address_sealed, row.code_hash, row.code_at = sealed, _hash(person_id, code, secret), at
    row.tries, row.verified_at = 0, None
    session.flush()
    session.add(
        Disclosure(
            person_id=person_id, receiver="mail server", what=PURPOSE, reason="code to confirm it", disclosed_at=at
        )
    )
    session.flush()
    return code


def confirm(session: Session, person_id: UUID, code: str, *, secret: bytes, at: datetime) -> bool:
    """Whether the code is right; a wrong one counts. Raises NotFound: none waits, it is too old, or tried too often."""
    row = session.get(EmailAddress, person_id, with_for_update=True, populate_existing=True)
    if row is None or not row.code_hash or row.tries >= MOST_TRIES or at - row.code_at > CODE_HOLDS:
        raise NotFound("This code no longer holds. Ask for another one.")
    row.tries += 1
    if hmac.compare_digest(_hash(person_id, code.strip(), secret), row.code_hash):
        row.verified_at, row.code_hash = at, ""
    session.flush()
    return row.verified_at is not None


def forget(session: Session, person_id: UUID) -> None:
    """No more reminders by e-mail."""
    session.execute(sa.delete(EmailAddress).where(EmailAddress.person_id == person_id))


def _hash(person_id: UUID, code: str, secret: bytes) -> str:
    return hmac.digest(secret, b"e-mail code" + person_id.bytes + code.encode(), "sha256").hex()
