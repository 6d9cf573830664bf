"""The 196 inclusion and consistency vectors of transparency-dev/merkle (its `testdata`, Apache-2.0), which are not ours
to copy: `MERKLE_VECTORS=/where/it/is/testdata`. Without them the properties of `test_tree` hold the same rules.

At commit 417fb0c we agree with 195. The other one says that nothing can be consistent with the empty tree; we go with
tlog-witness, by which everything extends it.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from elearn.credit_export.ledger.tree import EMPTY, ProofRefused, require_consistency, require_inclusion

VECTORS = os.environ.get("MERKLE_VECTORS")
OTHERWISE = "consistency/additional/size1-is-zero-and-size2-is-not-zero.json"


def is_refused(case: dict[str, Any]) -> bool:
    """Our verdict. In the vectors a hash is base64, and a missing proof null."""
    proof = [base64.b64decode(text) for text in case["proof"] or []]
    hashes = {name: base64.b64decode(case[name]) for name in ("leafHash", "root", "root1", "root2") if name in case}
    try:
        if "leafIdx" in case:
            require_inclusion(hashes["leafHash"], case["leafIdx"], case["treeSize"], proof, hashes["root"])
        else:
            require_consistency(case["size1"], hashes["root1"], case["size2"], hashes["root2"], proof)
    except ProofRefused:
        return True
    return False


@pytest.mark.skipif(VECTORS is None, reason="MERKLE_VECTORS names no directory")
def test_every_public_vector_but_one_has_our_verdict() -> None:
    where = Path(VECTORS or "")
    files = sorted(file for part in ("inclusion", "consistency") for file in (where / part).rglob("*.json"))
    cases = {str(file.relative_to(where)): json.loads(file.read_text("utf-8")) for file in files}
    assert len(cases) == 196
    assert [name for name, case in cases.items() if is_refused(case) != case["wantErr"]] == [OTHERWISE]


def test_from_the_empty_tree_we_accept_the_empty_proof_alone() -> None:
    case = {"size1": 0, "size2": 1, "root1": base64.b64encode(EMPTY), "root2": base64.b64encode(b"r" * 32)}
    assert not is_refused({**case, "proof": []})
    assert is_refused({**case, "proof": [base64.b64encode(EMPTY)]})
