"""A MONITOR: it reads all that the log publishes, adds everything up again, and tells what does not fit.

Anybody can run one, from the public files alone; the exam authority does:

    elearn ledger monitor URL --dir DIR --trust POLICY --once        exit status 1 when there is any alarm

    the log's files ─► fetching.py ─► mirror.py ─► DIR/log/    ─► auditing.py ─► alarms.py ─► DIR/alarms.jsonl
                       HTTP           proved to     a copy of     leaf by leaf    remembered
                                      be signed     the log       + subjects.py, memory.py: DIR/audit/

Open `auditing.py` first: the rules. `looking.py` is one round of all this; `stamped.py` looks at time stamps.

`elearn ledger recheck` (`recheck_commands.py`) goes on from there: `sampling.py` draws blocks, `asking.py` asks the
operator's door for their raw evidence, `proving.py` says which rows of it are in the log, and `rechecking.py` computes
the hours again.

What is mirrored was proved against a checkpoint with the log's signature and the quorum's, and each checkpoint against
the one before. What is checked is saved batch by batch with its alarms: a monitor that is killed goes on where it was.
An alarm is never forgotten.

Nothing here loads the product: no database, no Flask.
"""
