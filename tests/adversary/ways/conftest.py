"""A lesson whose 45 s wait for a check, and services that do what a test tells them."""

from tests.tracking.presence.conftest import allow, gateway, lesson, player

__all__ = ["allow", "gateway", "lesson", "player"]
