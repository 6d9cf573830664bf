"""What rows of a roster change, gathered for a thousand of them and written in a dozen statements."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Malformed
from elearn.people.accounts import account_name
from elearn.people.by_phone.models import SharedPhone
from elearn.people.identity import Keys, Sealer, blind_index, born_on
from elearn.people.models import (
    Absence,
    Account,
    EmploymentKind,
    Membership,
    Person,
    Placement,
    Role,
    RoleGrant,
)
from elearn.people.passwords import ALPHABET
from elearn.people.roster.deciding import PLACE, Change, Decision, Held, Known
from elearn.people.roster.knowing import Behind
from elearn.people.roster.rows import Row

DAY = timedelta(days=1)
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class House:
    """What stays the same for all rows of a roster."""

    employer_id: UUID
    tag: str
    """What account names of this employer end with."""
    keys: Keys
    at: datetime


def tag_of(employer_id: UUID, credit_code: str | None) -> str:
    """Six characters that tell employers apart in account names: `a1024@0y43ab`."""
    return (credit_code or employer_id.hex)[-6:].lower()


@dataclass(slots=True)
class Changes:
    """Of one piece; `write` does them in an order in which nothing overlaps."""

    house: House
    taken_phones: set[bytes] = field(default_factory=set)
    taken_names: set[str] = field(default_factory=set)
    persons: Rows = field(default_factory=list)
    accounts: Rows = field(default_factory=list)
    memberships: Rows = field(default_factory=list)
    placements: Rows = field(default_factory=list)
    numbers: Rows = field(default_factory=list)
    phones: Rows = field(default_factory=list)
    shared: Rows = field(default_factory=list)
    """Numbers that somebody else signs in with."""
    ended: dict[UUID, date] = field(default_factory=dict)
    """Membership -> last day."""
    stays: dict[UUID, date] = field(default_factory=dict)
    """Placement -> another last day."""
    kinds: Rows = field(default_factory=list)
    firms: Rows = field(default_factory=list)
    corrected: Rows = field(default_factory=list)
    """Placements that began on the day of their change."""
    followed: dict[UUID, tuple[UUID, date]] = field(default_factory=dict)
    """Membership of another kind -> the one after it, and its first day."""

    def look_up(self, session: Session, rows: Collection[Row]) -> None:
        """Which phone numbers and account names of these rows are somebody's."""
        phones = {blind_index(self.house.keys.index, "phone", row.phone) for row in rows if row.phone}
        names = {name for row in rows if (name := self.name_of(row)) is not None}
        self.taken_phones = set(
            session.scalars(sa.select(Account.phone_index).where(Account.phone_index.in_(list(phones))))
        )
        self.taken_names = set(session.scalars(sa.select(Account.name).where(Account.name.in_(list(names)))))

    def name_of(self, row: Row) -> str | None:
        """The account name that a staff number makes."""
        if not row.staff_number:
            return None
        try:
            return account_name(f"{re.sub('[^0-9A-Za-z._-]', '-', row.staff_number)}@{self.house.tag}")
        except Malformed:
            return None

    def take(
        self, row: Row, decision: Decision, known: Known | None, behind: Behind | None, unit_id: UUID, *, shared: bool
    ) -> None:
        """One row that is not refused; `unit_id` is where it says, or the employer."""
        if decision.changes:
            if known is None or known.held is None or behind is None:
                raise RuntimeError("a change of nobody")
            self._change(row, decision, known, known.held, behind, unit_id)
        elif decision.from_on is not None:
            self._join(row, decision.from_on, known, behind, unit_id, shared=shared)

    def _join(
        self, row: Row, from_on: date, known: Known | None, behind: Behind | None, unit_id: UUID, *, shared: bool
    ) -> None:
        person_id = self._person(row) if known is None else known.person_id
        data_key = self.persons[-1]["data_key"] if known is None or behind is None else behind.data_key
        kind = row.employment or EmploymentKind.EMPLOYEE
        membership_id = self._member(person_id, kind, from_on, row.to_on, self.house.at, row.firm)
        self._place(membership_id, unit_id, row.post, row.category, from_on, row.to_on)
        if behind is None or behind.account_id is None:
            self._account(row, person_id, data_key, shared=shared)
        if row.staff_number:
            self._number(person_id, row)

    def _person(self, row: Row) -> UUID:
        sealer, person_id, keys = Sealer(self.house.keys.sealing), new_id(), self.house.keys
        data_key = sealer.new_data_key(person_id)
        self.persons.append(
            {
                "id": person_id,
                "name": row.name,
                "document_kind": row.document,
                "document_sealed": sealer.seal(data_key, person_id, "document", row.number),
                "document_index": blind_index(keys.index, row.document, row.number),
                "born_on": born_on(row.document, row.number),
                "data_key": data_key,
                "pseudonym": sealer.pseudonym(data_key, person_id),
                "created_at": self.house.at,
            }
        )
        return person_id

    def _account(self, row: Row, person_id: UUID, data_key: bytes | None, *, shared: bool) -> None:
        """Without a password: only a one-time password, handed over in person, opens it."""
        index = blind_index(self.house.keys.index, "phone", row.phone) if row.phone and not shared else None
        if index in self.taken_phones:
            index = None
        name = None
        if index is not None:
            self.taken_phones.add(index)
        else:
            name = self.name_of(row)
            if name is None or name in self.taken_names:
                name = "w-" + "".join(secrets.choice(ALPHABET) for _ in range(8))
            self.taken_names.add(name)
        sealer, account_id = Sealer(self.house.keys.sealing), new_id()
        if row.phone and index is None:
            self._share(row, account_id, person_id, data_key)
        self.accounts.append(
            {
                "id": account_id,
                "person_id": person_id,
                "name": name,
                "phone_sealed": sealer.seal(data_key, person_id, "phone", row.phone) if index is not None else None,
                "phone_index": index,
                "password_hash": None,
                "must_change": False,
                "session_epoch": 0,
                "created_at": self.house.at,
            }
        )

    def _member(
        self, person_id: UUID, kind: str, from_on: date, to_on: date | None, created_at: datetime, firm: str
    ) -> UUID:
        membership_id = new_id()
        self.memberships.append(
            {
                "id": membership_id,
                "person_id": person_id,
                "organisation_id": self.house.employer_id,
                "kind": EmploymentKind(kind),
                "from_on": from_on,
                "to_on": to_on,
                "firm": firm,
                "created_at": created_at,
            }
        )
        return membership_id

    def _place(
        self, membership_id: UUID, unit_id: UUID, post: str, category: str | None, from_on: date, to_on: date | None
    ) -> None:
        self.placements.append(
            {
                "id": new_id(),
                "membership_id": membership_id,
                "unit_id": unit_id,
                "post": post,
                "category": category,
                "from_on": from_on,
                "to_on": to_on,
                "created_at": self.house.at,
            }
        )

    def _number(self, person_id: UUID, row: Row) -> None:
        employer_id = self.house.employer_id
        self.numbers.append({"organisation_id": employer_id, "person_id": person_id, "number": row.staff_number})

    def _change(self, row: Row, decision: Decision, known: Known, held: Held, behind: Behind, unit_id: UUID) -> None:
        changes, from_on = decision.changes, decision.from_on
        to_on = row.to_on if Change.END in changes else held.to_on
        unit = unit_id if Change.UNIT in changes else held.unit_id
        post = row.post if Change.POST in changes else held.post
        category = row.category if Change.CATEGORY in changes else held.category
        if Change.STAFF_NUMBER in changes:
            self._number(known.person_id, row)
        if Change.PHONE in changes:
            self._phone(row, known.person_id, behind)
        if Change.END in changes and row.to_on is not None:
            self.ended[held.membership_id] = row.to_on
            self.stays[held.placement_id] = row.to_on
        if from_on is None:
            return
        if Change.EMPLOYMENT in changes and row.employment is not None and from_on > held.from_on:
            self.ended[held.membership_id] = from_on - DAY
            self.stays.pop(held.placement_id, None)
            # Employed in another way, by the same employer: it brought the account as before, if it did. Who sent
            # them before does so no more.
            after = self._member(known.person_id, row.employment, from_on, to_on, held.noted_at, row.firm)
            self.followed[held.membership_id] = after, from_on
            self._place(after, unit, post, category, from_on, to_on)
            return
        if Change.FIRM in changes:
            self.firms.append({"b_id": held.membership_id, "firm": row.firm})
        if Change.EMPLOYMENT in changes and row.employment is not None:
            self.kinds.append({"b_id": held.membership_id, "kind": EmploymentKind(row.employment)})
        if changes & PLACE and from_on > held.placed_on:
            self.stays[held.placement_id] = from_on - DAY
            self._place(held.membership_id, unit, post, category, from_on, to_on)
        elif changes & PLACE:
            self.corrected.append({"b_id": held.placement_id, "unit_id": unit, "post": post, "category": category})

    def _phone(self, row: Row, person_id: UUID, behind: Behind) -> None:
        index = blind_index(self.house.keys.index, "phone", row.phone)
        if index in self.taken_phones:
            if behind.account_id is not None:
                self._share(row, behind.account_id, person_id, behind.data_key)
            return
        self.taken_phones.add(index)
        sealed = Sealer(self.house.keys.sealing).seal(behind.data_key, person_id, "phone", row.phone)
        self.phones.append({"b_id": behind.account_id, "phone_index": index, "phone_sealed": sealed})

    def _share(self, row: Row, account_id: UUID, person_id: UUID, data_key: bytes | None) -> None:
        """It signs nobody else in by itself; a code that goes to it does, with the end of the document."""
        keys = self.house.keys
        self.shared.append(
            {
                "account_id": account_id,
                "phone_index": blind_index(keys.index, "phone", row.phone),
                "phone_sealed": Sealer(keys.sealing).seal(data_key, person_id, "phone", row.phone),
                "noted_at": self.house.at,
            }
        )

    def write(self, session: Session) -> None:
        """Everything. IntegrityError when somebody else was faster: roll back, look again."""
        away = self._away(session)
        end_all(session, self.ended)
        stays = [{"b_id": one, "to_on": day} for one, day in self.stays.items()]
        for rows in (self.kinds, self.firms):
            _update(session, Membership, rows)
        for rows in (stays, self.corrected):
            _update(session, Placement, rows)
        _update(session, Account, self.phones)
        grants = [
            {
                "id": new_id(),
                "account_id": one["id"],
                "role": Role.LEARNER,
                "granted_at": self.house.at,
            }
            for one in self.accounts
        ]
        for made, rows in (
            (Person, self.persons),
            (Account, self.accounts),
            (RoleGrant, grants),
            (Membership, self.memberships),
            (Placement, self.placements),
            (Absence, away),
        ):
            if rows:
                session.execute(sa.insert(made), rows)
        if self.numbers:
            session.connection().execute(_KEEP_NUMBER, self.numbers)
        if self.phones:
            own = [one["b_id"] for one in self.phones]
            session.execute(sa.delete(SharedPhone).where(SharedPhone.account_id.in_(own)))
        if self.shared:
            session.connection().execute(_SHARE, self.shared)

    def _away(self, session: Session) -> Rows:
        """Who is away stays away in the membership that follows."""
        if not self.followed:
            return []
        rows = session.execute(
            sa.select(Absence.membership_id, Absence.from_on, Absence.to_on).where(
                Absence.membership_id.in_(list(self.followed))
            )
        )
        found: Rows = []
        for membership_id, from_on, to_on in rows:
            after, begins = self.followed[membership_id]
            if to_on is None or to_on >= begins:
                found.append(
                    {
                        "id": new_id(),
                        "membership_id": after,
                        "from_on": max(from_on, begins),
                        "to_on": to_on,
                        "created_at": self.house.at,
                    }
                )
        return found


_KEEP_NUMBER = sa.text(
    "INSERT INTO elearn.staff_number (organisation_id, person_id, number) "
    "VALUES (:organisation_id, :person_id, :number) "
    "ON CONFLICT (organisation_id, person_id) DO UPDATE SET number = excluded.number"
)


_SHARE = sa.text(
    "INSERT INTO elearn.shared_phone (account_id, phone_index, phone_sealed, noted_at) "
    "VALUES (:account_id, :phone_index, :phone_sealed, :noted_at) ON CONFLICT (account_id) DO UPDATE "
    "SET phone_index = excluded.phone_index, phone_sealed = excluded.phone_sealed, noted_at = excluded.noted_at"
)


def end_all(session: Session, last: dict[UUID, date]) -> None:
    """These memberships end with these days, as `placements.end` ends one."""
    if not last:
        return
    rows = [{"b_id": one, "last": day} for one, day in last.items()]
    connection = session.connection()
    for table in (sa.inspect(Placement).local_table, sa.inspect(Absence).local_table):
        assert isinstance(table, sa.Table)
        of_one = table.c.membership_id == sa.bindparam("b_id")
        day = sa.bindparam("last", type_=sa.Date())
        connection.execute(sa.delete(table).where(of_one, table.c.from_on > day), rows)
        connection.execute(
            sa.update(table).where(of_one, sa.or_(table.c.to_on.is_(None), table.c.to_on > day)).values(to_on=day), rows
        )
    _update(session, Membership, [{"b_id": one["b_id"], "to_on": one["last"]} for one in rows])


def _update(session: Session, kind: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Rows of one kind, each with its id (`b_id`) and the same columns."""
    if not rows:
        return
    table = kind.__table__
    columns = {name: sa.bindparam(name, type_=table.c[name].type) for name in rows[0] if name != "b_id"}
    statement = sa.update(table).where(table.c.id == sa.bindparam("b_id", type_=sa.Uuid())).values(columns)
    session.connection().execute(statement, list(rows))
