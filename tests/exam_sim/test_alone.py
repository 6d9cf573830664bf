"""The simulator is a process of its own: it loads none of the product's tables and no database."""

from __future__ import annotations

import json
import os
import subprocess
import sys

CODE = """
import json, sys
import elearn.exam_sim.commands
print(json.dumps(sorted(sys.modules)))
"""


def test_it_loads_neither_tables_nor_database_nor_flask() -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    out = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
    loaded = set(json.loads(out.stdout))
    assert "elearn.exam_sim.exam" in loaded
    assert (
        loaded & {"sqlalchemy", "flask", "redis", "psycopg", "elearn.db", "elearn.settings", "elearn.runtime"} == set()
    )
    assert [name for name in loaded if name.startswith("elearn.") and name.endswith("models")] == []
