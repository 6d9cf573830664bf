"""A learner who was flagged, the people around, and an exam system that reads along."""

from tests.tracking.signals.test_whole_way import office

__all__ = ["office"]
