"""Every sentence that `people` may answer exists in Chinese."""

from __future__ import annotations

import ast
from pathlib import Path

from elearn import locale, people

REFUSALS = {"Malformed", "NotFound", "NotSignedIn", "Forbidden", "Conflict", "TooMany", "Erased", "Unsealable"}
HANDED_ON = ("This role ", "The name or ", "An organisation with ", "The account holds this ", "This account name ")
"""How sentences begin that reach a refusal by a name."""


def test_every_refusal_is_translated() -> None:
    chinese = locale.catalogue("zh")
    sentences = set()
    for path in Path(people.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(HANDED_ON):
                sentences.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    sentences.add(first.value)
    assert len(sentences) > 30
    assert sorted(sentence for sentence in sentences if sentence not in chinese) == []
