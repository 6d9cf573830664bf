from __future__ import annotations

from tests.credit_export.records.conftest import office

__all__ = ["office"]
