"""What: verbs, activities and their definitions (xAPI Data 2.4.3, 2.4.4.1). Pure."""

from __future__ import annotations

from typing import Any

from elearn.tracking.lrs.rules.reading import (
    BadStatement,
    a_language_map,
    a_list,
    a_text,
    an_iri,
    an_object,
    extension_map,
)

VERB = frozenset(("id", "display"))
ACTIVITY = frozenset(("objectType", "id", "definition"))
COMPONENTS = {
    "choice": {"choices"},
    "sequencing": {"choices"},
    "likert": {"scale"},
    "matching": {"source", "target"},
    "performance": {"steps"},
    **{name: set[str]() for name in ("true-false", "fill-in", "long-fill-in", "numeric", "other")},
}
"""Interaction type -> the component lists it may have (Data 2.4.4.1)."""
COMPONENT_LISTS = frozenset[str]().union(*COMPONENTS.values())
INTERACTION = COMPONENT_LISTS | {"interactionType", "correctResponsesPattern"}
DEFINITION = INTERACTION | {"name", "description", "type", "moreInfo", "extensions"}
COMPONENT = frozenset(("id", "description"))


def check_verb(value: Any, where: str) -> None:
    verb = an_object(value, VERB, where, "Data 2.4.3")
    an_iri(verb.get("id"), f"{where}/id", "Data 2.4.3")
    if "display" in verb:
        a_language_map(verb["display"], f"{where}/display", "Data 2.4.3")


def check_activity(value: Any, where: str) -> None:
    activity = an_object(value, ACTIVITY, where, "Data 2.4.4.1")
    if "objectType" in activity and activity["objectType"] != "Activity":
        raise BadStatement(f"{where}/objectType", 'must be "Activity"', "Data 2.4.4.1")
    an_iri(activity.get("id"), f"{where}/id", "Data 2.4.4.1")
    if "definition" in activity:
        check_definition(activity["definition"], f"{where}/definition")


def check_definition(value: Any, where: str) -> None:
    """An activity's definition, interactions with it (Data 2.4.4.1)."""
    clause = "Data 2.4.4.1"
    definition = an_object(value, DEFINITION, where, clause)
    for name in ("name", "description"):
        if name in definition:
            a_language_map(definition[name], f"{where}/{name}", clause)
    for name in ("type", "moreInfo"):
        if name in definition:
            an_iri(definition[name], f"{where}/{name}", clause)
    if "extensions" in definition:
        extension_map(definition["extensions"], f"{where}/extensions")
    if definition.keys().isdisjoint(INTERACTION):
        return
    kind = definition.get("interactionType")
    if type(kind) is not str or kind not in COMPONENTS:
        raise BadStatement(f"{where}/interactionType", "must be one of the interaction types", clause)
    if "correctResponsesPattern" in definition:
        pattern = f"{where}/correctResponsesPattern"
        for index, response in enumerate(a_list(definition["correctResponsesPattern"], pattern, clause)):
            a_text(response, f"{pattern}/{index}", clause)
    for name in sorted(definition.keys() & COMPONENT_LISTS):
        if name not in COMPONENTS[kind]:
            raise BadStatement(f"{where}/{name}", "does not go with this interaction type", clause)
        _components(definition[name], f"{where}/{name}")


def _components(value: Any, where: str) -> None:
    clause = "Data 2.4.4.1 (interaction components)"
    seen = set()
    for index, one in enumerate(a_list(value, where, clause)):
        component = an_object(one, COMPONENT, f"{where}/{index}", clause)
        a_text(component.get("id"), f"{where}/{index}/id", clause)
        if component["id"] in seen:
            raise BadStatement(f"{where}/{index}/id", "is there twice", clause)
        seen.add(component["id"])
        if "description" in component:
            a_language_map(component["description"], f"{where}/{index}/description", clause)
