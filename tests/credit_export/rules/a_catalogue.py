"""The catalogue that travels with the program, as it judges: confirmed rows only, and with all of them."""

from __future__ import annotations

from functools import cache

from elearn.courses.requirements import service
from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.reading import File, read


@cache
def shipped() -> File:
    return read(service.shipped())


@cache
def catalogue(*, unconfirmed: bool = False) -> Catalogue:
    rows = [one for one in shipped().rows if unconfirmed or one[1].confirmed]
    return Catalogue([Loaded(number, section, row) for number, (section, row) in enumerate(rows, start=1)])
