"""The regulator's time zone: its days are those of judgements, caps and papers, wherever a server stands."""

from __future__ import annotations

from zoneinfo import ZoneInfo

NAME = "Asia/Shanghai"
LOCAL_ZONE = ZoneInfo(NAME)
