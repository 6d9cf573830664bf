"""The commands `elearn user`, `elearn role` and `elearn org`; each is one call of a service, inside the application.

A document number and a password are asked for, never given as arguments: those stand in the shell's history.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import NotFound
from elearn.people import accounts, organisations, persons, signin
from elearn.people.identity import DocumentKind, Keys, check_credit_code
from elearn.people.models import Account, EmploymentKind, OrganisationKind, OrganisationLevel, Role
from elearn.people.offices import invitations, units
from elearn.people.registry import local_day
from elearn.people.roles import grant_role, list_grants, revoke_role
from elearn.runtime import runtime

role_argument = click.argument("role", type=click.Choice(Role, case_sensitive=False))
account_argument = click.argument("account")
organisation_option = click.option("--organisation", type=click.UUID, help="Where the role reaches.")
region_option = click.option("--region", help="Where a regulator's officer reaches (GB/T 2260).")


def _keys() -> Keys:
    settings = runtime().settings
    return Keys(sealing=settings.sealing_key, index=settings.index_key)


def _account(name_or_phone: str) -> Account:
    account = accounts.find_account(db.session(), name_or_phone, keys=_keys())
    if account is None:
        raise NotFound("There is no such account.")
    return account


@click.group("user")
def users() -> None:
    """People and their accounts."""


@users.command("add")
@click.argument("name")
@click.option("--person-name", required=True, help="The person's full name.")
@click.option("--phone", help="Signs in with it too.")
@click.option("--document", type=click.Choice(DocumentKind, case_sensitive=False), help="Asks for its number.")
@click.option("--ask-password", is_flag=True, help="Ask for a password instead of printing a one-time password.")
def add_user(name: str, person_name: str, phone: str | None, document: DocumentKind | None, ask_password: bool) -> None:
    """Open the account NAME for a person, new or known by the document."""
    now, keys, session = utcnow(), _keys(), db.session()
    if document is None:
        person = persons.add_staff(session, name=person_name, keys=keys, at=now)
    else:
        number = click.prompt("Document number", hide_input=True, err=True)
        person = persons.take_in(
            session, name=person_name, document_kind=document, document_number=number, keys=keys, at=now
        )
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if ask_password else None
    account = accounts.open_account(session, person.id, name=name, phone=phone, password=password, keys=keys, at=now)
    click.echo(f"account {account.id}  person {person.id}")
    if password is None:
        _print_one_time(signin.issue_reset(session, None, account.id, at=now))
    db.session.commit()


@users.command("list")
def list_users() -> None:
    """Every account: id, name, person, roles."""
    roles_of: dict[UUID, list[str]] = {}
    for grant in list_grants(db.session()):
        roles_of.setdefault(grant.account_id, []).append(grant.role.value)
    for account, person in accounts.list_accounts(db.session()):
        state = "closed" if account.closed_at else ",".join(roles_of.get(account.id, []))
        click.echo(f"{account.id}  {account.name or '-'}  {person.name or '-'}  {state}")


@users.command("reset-password")
@account_argument
def reset_password(account: str) -> None:
    """Print a one-time password for ACCOUNT (name or phone); the old one and all sessions end."""
    one_time = signin.issue_reset(db.session(), None, _account(account).id, at=utcnow())
    db.session.commit()
    _print_one_time(one_time)


def _print_one_time(one_time: str) -> None:
    click.echo(f"one-time password: {one_time}  (24 hours, shown once)")


@click.group("role")
def roles() -> None:
    """Who may do what."""


@roles.command("grant")
@account_argument
@role_argument
@organisation_option
@region_option
def grant(account: str, role: Role, organisation: UUID | None, region: str | None) -> None:
    """Let ACCOUNT (name or phone) hold ROLE."""
    grant_role(db.session(), _account(account).id, role, organisation_id=organisation, region=region, at=utcnow())
    db.session.commit()


@roles.command("revoke")
@account_argument
@role_argument
@organisation_option
@region_option
def revoke(account: str, role: Role, organisation: UUID | None, region: str | None) -> None:
    """Take ROLE from ACCOUNT (name or phone)."""
    revoke_role(db.session(), _account(account).id, role, organisation_id=organisation, region=region, at=utcnow())
    db.session.commit()


@roles.command("list")
@click.argument("account", required=False)
def list_roles(account: str | None) -> None:
    """The live grants, of ACCOUNT or of everybody."""
    account_id = _account(account).id if account else None
    for one in list_grants(db.session(), account_id):
        click.echo(f"{one.account_id}  {one.role.value}  {one.organisation_id or one.region or ''}".rstrip())


@click.group("org")
def orgs() -> None:
    """Enterprises and training institutions."""


@orgs.command("add")
@click.argument("kind", type=click.Choice(OrganisationKind, case_sensitive=False))
@click.argument("name")
@click.option("--credit-code", help="Unified social credit code (GB 32100).")
@click.option("--region", help="GB/T 2260, six digits.")
@click.option("--level", type=click.Choice(OrganisationLevel, case_sensitive=False), help="Of an enterprise's unit.")
@click.option("--below", type=click.UUID, help="The unit (id) that it lies below.")
def add_organisation(
    kind: OrganisationKind,
    name: str,
    credit_code: str | None,
    region: str | None,
    level: OrganisationLevel | None,
    below: UUID | None,
) -> None:
    """Register an organisation; prints its id."""
    if credit_code and not check_credit_code(credit_code)[1]:
        click.echo("warning: the credit code's check character does not hold; please compare it", err=True)
    made = units.add(
        db.session(), kind=kind, name=name, credit_code=credit_code, region=region, level=level, parent_id=below,
        by=None, at=utcnow(),
    )  # fmt: skip
    db.session.commit()
    click.echo(str(made.id))


@orgs.command("invite")
@click.argument("organisation", type=click.UUID)
@role_argument
@click.option("--for", "for_whom", required=True, help="Whom the link is for, in words.")
@click.option("--days", type=int, default=invitations.USUAL_DAYS, show_default=True, help="1, 7 or 30.")
def invite(organisation: UUID, role: Role, for_whom: str, days: int) -> None:
    """Print a link by which somebody comes to hold ROLE in ORGANISATION (id), once."""
    made, token = invitations.invite(
        db.session(), None, organisation, role, for_whom=for_whom, days=days, at=utcnow()
    )  # fmt: skip
    db.session.commit()
    parts = runtime()
    click.echo(f"{parts.settings.public_url}{parts.url_prefix}/invited/{token}")
    click.echo(f"holds once, until {made.expires_at.isoformat()}; shown once", err=True)


@orgs.command("list")
def list_organisations() -> None:
    """Every organisation: id, kind, name."""
    for one in organisations.list_organisations(db.session()):
        click.echo(f"{one.id}  {one.kind.value}  {one.name}")


@orgs.command("join")
@account_argument
@click.argument("organisation", type=click.UUID)
@click.option(
    "--kind",
    type=click.Choice(EmploymentKind, case_sensitive=False),
    default=EmploymentKind.EMPLOYEE,
    show_default=True,
)
@click.option("--from", "from_on", type=click.DateTime(["%Y-%m-%d"]), help="The first day; today unless given.")
def join_organisation(account: str, organisation: UUID, kind: EmploymentKind, from_on: datetime | None) -> None:
    """The person of ACCOUNT (name or phone) belongs to ORGANISATION (id)."""
    now = utcnow()
    first: date = from_on.date() if from_on else local_day(now)
    organisations.join(db.session(), _account(account).person_id, organisation, kind, first, at=now)
    db.session.commit()
