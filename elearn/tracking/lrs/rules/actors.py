"""Who: agents, groups and what identifies them (xAPI Data 2.4.2). Pure."""

from __future__ import annotations

from typing import Any

from elearn.tracking.lrs.rules.forms import is_iri, is_mbox, is_sha1, is_uri
from elearn.tracking.lrs.rules.reading import BadStatement, a_list, a_text, an_object

IDENTIFIERS = frozenset(("account", "mbox", "mbox_sha1sum", "openid"))
AGENT = IDENTIFIERS | {"objectType", "name"}
GROUP = AGENT | {"member"}
ACCOUNT = frozenset(("homePage", "name"))


def check_actor(value: Any, where: str) -> None:
    """An agent or a group (Data 2.4.2)."""
    kind = value.get("objectType", "Agent") if type(value) is dict else "Agent"
    if kind == "Agent":
        check_agent(value, where)
    elif kind == "Group":
        check_group(value, where)
    else:
        raise BadStatement(f"{where}/objectType", 'must be "Agent" or "Group"', "Data 2.4.2")


def check_agent(value: Any, where: str) -> None:
    """Exactly one inverse functional identifier (Data 2.4.2.1, 2.4.2.3)."""
    agent = an_object(value, AGENT, where, "Data 2.4.2.1")
    if "objectType" in agent and agent["objectType"] != "Agent":
        raise BadStatement(f"{where}/objectType", 'must be "Agent"', "Data 2.4.2.1")
    if _identifiers(agent, where) != 1:
        why = "needs exactly one of account, mbox, mbox_sha1sum, openid"
        raise BadStatement(where, why, "Data 2.4.2.1, Data 2.4.2.3")


def check_group(value: Any, where: str) -> None:
    """At most one identifier; without one the members must be listed; members are agents (Data 2.4.2.2)."""
    group = an_object(value, GROUP, where, "Data 2.4.2.2")
    if group.get("objectType") != "Group":
        raise BadStatement(f"{where}/objectType", 'must be "Group"', "Data 2.4.2.2")
    identifiers = _identifiers(group, where)
    if identifiers > 1:
        raise BadStatement(where, "may have only one of account, mbox, mbox_sha1sum, openid", "Data 2.4.2.2")
    members = a_list(group["member"], f"{where}/member", "Data 2.4.2.2") if "member" in group else ()
    for index, member in enumerate(members):
        check_agent(member, f"{where}/member/{index}")
    if not members and not identifiers:
        raise BadStatement(f"{where}/member", "must list an agent or more: the group has no identifier", "Data 2.4.2.2")


def _identifiers(actor: dict[str, Any], where: str) -> int:
    """How many inverse functional identifiers there are, each of them well formed (Data 2.4.2.3)."""
    clause = "Data 2.4.2.3"
    if "name" in actor:
        a_text(actor["name"], f"{where}/name", "Data 2.4.2.1")
    found = 0
    if "account" in actor:
        found += 1
        account = an_object(actor["account"], ACCOUNT, f"{where}/account", "Data 2.4.2.4")
        if not is_iri(account.get("homePage")):
            raise BadStatement(f"{where}/account/homePage", "must be an IRL", "Data 2.4.2.4")
        if type(account.get("name")) is not str:
            raise BadStatement(f"{where}/account/name", "must be a string", "Data 2.4.2.4")
    if "mbox" in actor:
        found += 1
        if not is_mbox(actor["mbox"]):
            raise BadStatement(f"{where}/mbox", 'must be "mailto:" and one address', clause)
    if "mbox_sha1sum" in actor:
        found += 1
        if not is_sha1(actor["mbox_sha1sum"]):
            raise BadStatement(f"{where}/mbox_sha1sum", "must be a SHA-1 in hexadecimal", clause)
    if "openid" in actor:
        found += 1
        if not is_uri(actor["openid"]):
            raise BadStatement(f"{where}/openid", "must be a URI", clause)
    return found
