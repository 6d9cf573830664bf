"""Witness and monitor: what is cosigned, what is mirrored, what is told."""

from __future__ import annotations

from tests.mutants.mutation import in_file

LEDGER = "elearn/credit_export/ledger/"

MUTATIONS = [
    *in_file(
        LEDGER + "witness/judging.py",
        "witness",
        (
            "an unknown log is not looked at",
            "    if not logs:\n        return Refused(404",
            "    if False:\n        return Refused(404",
        ),
        ("the log's signature is needed", "    if not signed:\n", "    if False:\n"),
        (
            "a broken signature of the log is refused",
            "            return Refused(403, str(error))",
            "            continue",
        ),
        (
            "an old size above the checkpoint's is malformed",
            "asked.old > checkpoint.size",
            "asked.old > checkpoint.size + 9",
        ),
        ("the old size is the one kept", "    if asked.old != kept.size:", "    if asked.old > kept.size:"),
        (
            "a proof is checked",
            "checkpoint.size, checkpoint.root, asked.proof)",
            "checkpoint.size, checkpoint.root, asked.proof) if asked.old == 0 else None",
        ),
        ("a request has so many proof lines", "len(lines) > PROOF_LINES_MAX", "len(lines) > 2 * PROOF_LINES_MAX"),
        ("strangers' signatures are left behind", "Sound(Note(asked.note.text, tuple(signed)))", "Sound(asked.note)"),
    ),
    *in_file(
        LEDGER + "witness/keeping.py",
        "witness",
        (
            "what is cosigned is kept first",
            '        write_whole(place / "checkpoint", str(note).encode())\n        return Answer(200',
            "        return Answer(200",
        ),
        ("time never goes back", "max(now_s, kept.at_s, 1)", "max(now_s, 1)"),
        ("a clock far behind signs nothing", "at_s - now_s > CLOCK_BACK_S", "at_s - now_s > 2 * CLOCK_BACK_S"),
        (
            "lost memory is not an empty one",
            "        except (OSError, NoteRefused) as error:",
            "        except OSError:\n            return Kept()\n        except NoteRefused as error:",
        ),
        (
            "only what it cosigned is its memory",
            "        if not times:\n            raise",
            "        if not times:\n            return 0\n        if False:\n            raise",
        ),
        ("a memory is of its log", "origin_hash(checkpoint.origin) != place.name", "False"),
        ("a second history is kept as proof", "        if refused.unproven:", "        if False:"),
        ("a log is a log", "if verifier.algorithm is not Algorithm.ED25519:", "if False:"),
        ("one process a directory", 'with held(directory / "lock", wait=wait):', "if True:"),
    ),
    *in_file(
        LEDGER + "monitor/auditing.py",
        "monitor rules",
        ("numbers follow", "        if leaf.n != person.n + 1:", "        if leaf.n < person.n + 1:"),
        ("each names the leaf before", " != person.prev:", " == b'x':"),
        ("totals are sums", "    if leaf.total != expected:", "    if leaf.total < expected - 10**9:"),
        (
            "a credit adds what its span is long",
            '        if leaf.ms > end - begin:\n            yield Code.MS, f"it adds {leaf.ms} ms for a span',
            '        if leaf.ms > end:\n            yield Code.MS, f"it adds {leaf.ms} ms for a span',
        ),
        (
            "hours attended are as long as they are",
            '        if leaf.ms > end - begin:\n            yield Code.MS, f"it adds {leaf.ms} ms for {end',
            '        if leaf.ms > end:\n            yield Code.MS, f"it adds {leaf.ms} ms for {end',
        ),
        (
            "a unit is described before",
            '            yield Code.UNIT, "no leaf before',
            '            del end\n            yield Code.FORM, "no leaf before',
        ),
        ("a unit has an end", "            if end > unit.ms:", "            if begin > unit.ms:"),
        (
            "seconds are credited once",
            "            if twice:\n                yield Code.OVERLAP",
            "            if False:\n                yield Code.OVERLAP",
        ),
        ("seconds are counted once", "counted = min(counted, end - begin - twice)", "counted = leaf.ms"),
        ("rules are named before", "leaf.pol not in self._facts.policies", "False"),
        ("evidence is named before", "        if to_ms is None:\n", "        if to_ms is None and False:\n"),
        ("evidence is complete", "        elif to_ms > ms_of(leaf.at):", "        elif False:"),
        ("evidence covers the end", "        elif to_ms < begin_of", "        elif 0 > begin_of"),
        ("nobody is entered before it is over", "        if leaf.to > leaf.at:", "        if False:"),
        (
            "nobody is at two places",
            "        twice = _attended_twice(person.attended, begin, end, counted)",
            "        twice = 0",
        ),
        ("attended on the day it says", "        if leaf.day != local_day(leaf.from_):", "        if False:"),
        (
            "a void names a leaf of that person",
            '            yield Code.VOID, "it takes back what',
            '            yield Code.FORM, "it takes back what',
        ),
        ("nothing is taken back twice", "        if index in person.voided:", "        if False:"),
        (
            "what is taken back may be credited again",
            "without(person.spans.get(unit.number, []), *taken.span)",
            "person.spans.get(unit.number, [])",
        ),
        ("where leaves overlapped the others stand", "        if not overlapped:", "        if True:"),
        (
            "minutes do not overlap",
            "        if ms_of(leaf.from_) < facts.last_evidence_to_ms:",
            "        if ms_of(leaf.to) < facts.last_evidence_to_ms - 10**9:",
        ),
        ("no root twice", "        if root in self.memory.evidence:", "        if False:"),
        ("roots are chained", "        elif leaf.count == 0 and facts", "        elif leaf.count < 0 and facts"),
        ("a unit is described in one way", "        elif known.said != said:", "        elif False:"),
        ("the old key signs", "            yield Code.KEY, str(error)\n            return", "            return"),
        ("the newest key signs", "        if leaf.old not in ", "        if False and leaf.old not in "),
        ("a day has a day's hours", "    if person.days[day] > DAY_MS:", "    if person.days[day] > 2 * DAY_MS:"),
        ("a day has come", "    if begin_of(leaf.day) > ms_of(leaf.at) + CLOCKS_MS:", "    if False:"),
        ("time does not go back", "        if at_ms < self._facts.last_at_ms:", "        if at_ms < 0:"),
        ("not behind evidence", "        facts.last_at_ms = max(facts.last_at_ms, ms_of(leaf.to))\n", ""),
        (
            "leaves are of before the cosignature",
            "self._facts.last_at_ms)\n        if at_ms > window.before_ms + CLOCKS_MS:",
            "self._facts.last_at_ms)\n        if False:",
        ),
        (
            "evidence is of before the cosignature",
            "            if at_ms > window.before_ms + CLOCKS_MS:",
            "            if False:",
        ),
        (
            "leaves are not dated back",
            "        if window.after_ms and at_ms < window.after_ms - CLOCKS_MS:",
            "        if False:",
        ),
        ("a log is of its year", "local_day(leaf.at).year != self._year", "False"),
        ("two people", 'Code.OFFICERS if "member by "', 'Code.FORM if "member by "'),
        ("unknown kinds are named", "        return Code.KIND", "        return Code.FORM"),
    ),
    *in_file(
        LEDGER + "monitor/mirror.py",
        "mirroring",
        ("the edge leads to the signed root", "if root_of(size, self) == self.checkpoint.root:", "if True:"),
        ("a tile is the one above's", " and _joined(data) == hash_:", ":"),
        ("entries are the leaves", "        if leaf_hash(entry) != hashes[", "        if not entry and b'' != hashes["),
        (
            "a full tile replaces a partial one",
            "data = source(tile_path(level, index))[: width * HASH_BYTES]",
            "raise LookupError",
        ),
        (
            "a full bundle replaces a partial one",
            "            data = remote(entries_path(index))  #",
            "            raise  #",
        ),
        (
            "what is known includes what was accepted",
            "for note in (self.newest(), self.pending()) if note",
            "for note in (self.newest(),) if note",
        ),
        (
            "a proved bundle is not fetched again",
            "            if not _first_difference(self.fetch(path), width, hashes):\n                return\n",
            "            pass\n",
        ),
    ),
    *in_file(
        LEDGER + "monitor/looking.py",
        "mirroring",
        ("a log stays that log", "if before.origin != checkpoint.origin:", "if False:"),
        (
            "one size has one root",
            "if before.size == checkpoint.size and before.root != checkpoint.root:",
            "if False:",
            "mirroring",
        ),
        (
            "a smaller tree is told",
            "                if before.size > checkpoint.size:\n",
            "                if before.size > 2 * checkpoint.size:\n",
        ),
        (
            "an older fork is a fork",
            "if own and checkpoint.size <= self.mirror.size() and root_of",
            "if own and checkpoint.size < 0 and root_of",
        ),
        (
            "a longer tree extends the known one",
            "                if root_of(before.size, proved) != before.root:",
            "                if False:",
        ),
        (
            "the policy is asked",
            "            checkpoint = self._trust.require(note, now_s=now_s)",
            "            checkpoint = self._trust.signed(note)",
        ),
        ("age is asked", "now_s=now_s, max_age_s=self._max_age_s)", "now_s=now_s)"),
        ("a name has a year", "        if year_of(checkpoint.origin) is None:", "        if False:"),
        (
            "the last bundle is looked at again",
            "for index in sorted({*chosen, tiles - 1} - {-1}):",
            "for index in sorted(chosen):",
        ),
        ("a changed file is told", "                if served != kept:", "                if False:"),
        (
            "hidden leaves are told",
            "            yield Alarm(Code.HIDDEN",
            "            return\n            yield Alarm(Code.HIDDEN",
        ),
        (
            "another's checkpoint is compared",
            "        elif root_of(checkpoint.size, own) != checkpoint.root:",
            "        elif False:",
        ),
        (
            "only what the log signed is compared",
            "            checkpoint = self._trust.signed(note)",
            "            checkpoint = Checkpoint.read(note.text)",
        ),
    ),
    *in_file(
        LEDGER + "monitor/proving.py",
        "rechecking",
        ("evidence from after a block is none", "    if minute.leaf >= index:", "    if False:"),
        ("nor is a link from after it", "links is None or links.leaf >= index", "links is None"),
        ("the minute is the log's", "digest_bytes(leaf.root).hex() != minute.root", "False"),
        ("a row is in its minute", "            if not _is_in(text,", "            if False and not _is_in(text,"),
    ),
    *in_file(
        LEDGER + "monitor/rechecking.py",
        "rechecking",
        ("what is young is not gone", "known.now_ms + CLOCKS_MS < until_ms", "False"),
        ("what is kept for good is not gone", "    if not given.kept_days or", "    if"),
    ),
]
