"""What is broken on purpose: at least one mutation per rule of MODEL 1.2 and 1.8 and per guard of the doors.

Data only, a module for each thing that is broken. `old` stands exactly once in its file (a test looks), `new` takes
its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.mutants.mutation import Mutation
from tests.mutants.mutations import checks, doors, pacing, pages, sittings, verifier

MUTATIONS: Sequence[Mutation] = [
    *verifier.MUTATIONS,
    *pacing.MUTATIONS,
    *doors.MUTATIONS,
    *sittings.MUTATIONS,
    *checks.MUTATIONS,
    *pages.MUTATIONS,
]
