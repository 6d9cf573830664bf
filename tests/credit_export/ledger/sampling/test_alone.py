"""The program of the authority is no part of the product: it loads no tables, no database, no Flask, no settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys

CODE = """
import contextlib, io, json, sys
from elearn.cli import main
sys.argv = ["elearn", "ledger", "recheck", "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
print(json.dumps(sorted(sys.modules)))
"""


def test_recheck_loads_neither_the_product_nor_its_database() -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    out = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
    loaded = set(json.loads(out.stdout))
    assert {"elearn.credit_export.ledger.monitor.rechecking", "elearn.tracking.verifier"} <= loaded
    assert {name.split(".")[0] for name in loaded} & {"sqlalchemy", "flask", "redis", "psycopg"} == set()
    assert loaded & {"elearn.db", "elearn.runtime", "elearn.web"} == set()
    assert [name for name in loaded if name.startswith("elearn.") and name.endswith("models")] == []
