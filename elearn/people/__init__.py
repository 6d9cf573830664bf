"""To come."""

from flask import Blueprint, Flask


def install(app: Flask, whole: Blueprint) -> None:
    """Nothing on board yet."""
