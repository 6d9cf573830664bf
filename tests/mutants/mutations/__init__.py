"""What is broken on purpose: at least one mutation per rule of MODEL 1.2 and 1.8, per guard of the doors,
per rule of the log's formats, of judging, of attendance, of marks and of classes.

Data only, a module for each thing that is broken. `old` stands exactly once in its file (a test looks), `new` takes
its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.mutants.mutation import Mutation
from tests.mutants.mutations import (
    attending,
    checks,
    classes,
    doors,
    judging,
    log_formats,
    log_publishing,
    log_watchers,
    marking,
    pacing,
    pages,
    shown,
    sittings,
    verifier,
)

MUTATIONS: Sequence[Mutation] = [
    *verifier.MUTATIONS,
    *pacing.MUTATIONS,
    *doors.MUTATIONS,
    *sittings.MUTATIONS,
    *checks.MUTATIONS,
    *pages.MUTATIONS,
    *log_formats.MUTATIONS,
    *log_publishing.MUTATIONS,
    *log_watchers.MUTATIONS,
    *judging.MUTATIONS,
    *attending.MUTATIONS,
    *classes.MUTATIONS,
    *marking.MUTATIONS,
    *shown.MUTATIONS,
]
