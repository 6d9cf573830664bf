"""YAML that people review before it holds: rules of watching, thresholds of flags. Pure."""

from __future__ import annotations

from typing import Any

import yaml


def read(text: str) -> Any:
    """What a reviewed file says, in plain values. Raises yaml.YAMLError: no YAML, or a name that stands twice."""
    return yaml.load(text, _OneOfEach)  # a SafeLoader


class _OneOfEach(yaml.SafeLoader):
    """YAML lets a later value of one name silently replace an earlier one; a reviewer would see the earlier."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(name) for name in names if names.count(name) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(sorted(twice))} twice", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
