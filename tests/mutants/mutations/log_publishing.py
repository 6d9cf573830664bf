"""Signing and publishing the log: what is signed, what is written, what counts, what everybody may read."""

from __future__ import annotations

from tests.mutants.mutation import in_file

LEDGER = "elearn/credit_export/ledger/"

MUTATIONS = [
    *in_file(
        LEDGER + "signer.py",
        "signing",
        ("a smaller tree is not signed", "if wanted.size < kept.size:", "if False:"),
        ("another old size is told the one kept", "if wanted.old_size != kept.size:", "if False:"),
        (
            "a tree extends what was signed",
            "require_consistency(kept.size, kept.root, wanted.size, wanted.root, wanted.consistency)",
            "pass",
        ),
        ("what is signed is kept", "self._write({**kept, wanted.origin: now})", "pass"),
        ("logs are kept apart", "self._write({**kept, wanted.origin: now})", "self._write({wanted.origin: now})"),
        ("each log has its key", "info=PURPOSE + origin.encode()", "info=PURPOSE"),
        ("a lost key is not made again", "            elif self._read():", "            elif False:"),
    ),
    *in_file(
        LEDGER + "signer_door.py",
        "signing",
        ("who asks knows the secret", "if not hmac.compare_digest(question, ", "if False and (question, "),
        ("who answers knows it too", "seal.of_answer(question, answer.status, data)):", 'answer.getheader(SEAL, "")):'),
    ),
    *in_file(
        LEDGER + "log_files.py",
        "log files",
        ("what was published is not contradicted", "    if tree.size == old and tree.root() != root:", "    if False:"),
        ("no leaf is missing", "        if tree.size < old:", "        if False:"),
        ("a narrow bundle is cut", "data if width == WIDTH else bundle(unbundle(data)[:width])", "data"),
    ),
    *in_file(
        LEDGER + "witnesses.py",
        "asking witnesses",
        (
            "only cosignatures that hold count",
            "sound = tuple(line for line in lines if any(key.signed(Note(note.text, (line,))) for key in keys))",
            "sound = tuple(lines)",
        ),
        ("one size has one root", "if answer.size > size or answer.size == old:", "if answer.size > size:"),
        ("a witness that knows more is heard", "answer.size > size or answer.size == old:", "answer.size == old:"),
    ),
    *in_file(
        LEDGER + "growing.py",
        "publishing",
        ("files that know more are believed", "file.size > known.size else known", "False else known"),
        ("fewer leaves than were published stop it", "    if size < base.size:", "    if False:"),
        ("files are made again from sound leaves", "tree.size != base.size or tree.root() != base.root:", "False:"),
        ("a leaf is what its hash says", "            if leaf_hash(entry) != hash_:", "            if False:"),
        ("lost files are made again", "        if not files.holds(known):", "        if False:"),
        ("the file follows the row", "row is not None and (file is None or file.size < row.size):", "False:"),
        ("damaged tiles are made again", "except (BadTile, NoTile, FilesDiffer):", "except (BadTile, NoTile):"),
    ),
    *in_file(
        LEDGER + "publishing.py",
        "publishing",
        ("nobody is asked within a transaction", "self.session.commit()  # no transaction", "pass  # no transaction"),
        ("one checkpoint in ten seconds", "return not soon or waiting >= AT_LEAVES", "return True"),
        ("256 leaves do not wait", "return not soon or waiting >= AT_LEAVES", "return not soon"),
        ("a clock put back holds nothing up", "row.signed_at <= self.now < row", "self.now < row"),
        ("nothing counts without the quorum", "        if not enough:\n            return None\n", ""),
        ("the key is the one published", "if not key.signed(Note(checkpoint.text(), (line,))):", "if False:"),
        ("a lost key file is not replaced by another's", "note is not None and not key.signed(note)", "False"),
        ("being overtaken is no alarm", "if count_leaves(self.session, self.origin) > size:", "if False:"),
        ("cosignatures are renewed", "age_ms >= FRESH // MILLISECOND", "False"),
        ("who is away is left alone", "if not self.standing.quorum and not self._anybody_to_ask_again():", "if False:"),
        ("also where it is not needed", "if parts[witness.name].may_be_asked(self.now)]", "]"),
        (
            "the row comes before the file",
            "        self.session.commit()\n        self.files.put_checkpoint(published.note)",
            "        self.files.put_checkpoint(published.note)\n        self.session.commit()",
        ),
    ),
    *in_file(
        LEDGER + "doors.py",
        "log doors",
        ("only what is published is shown", "if width > width_of(level or 0, index, published.size):", "if False:"),
        ("a tile has one address", '    if path != f"tile/{place}":', "    if False:"),
        ("a leaf that waits has no proof", "            LedgerLeaf.index < published.size,\n", ""),
        ("what grows is asked for again", "FOR_EVER if width == WIDTH else ASK_AGAIN", "FOR_EVER"),
        ("a proof is of the newest tree", "if found is None or found.size != size or", "if found is None or"),
    ),
]
