"""A WITNESS: it saw the log, and has never signed two histories of it.

An exam authority and a regulator each run one, as a process of its own, with a key and files of its own:

    elearn witness key --dir DIR            makes the key at first use, prints what the log's operator needs
    elearn witness add-log --dir DIR VKEY   the logs it looks at
    elearn witness serve --dir DIR          C2SP tlog-witness: POST /add-checkpoint, GET /<origin's hash>/checkpoint

In comes a checkpoint with a proof that it extends the one before; out goes a cosignature with the time, or a refusal.
Open `judging.py` first: the whole protocol as one pure function. `keeping.py` holds what is remembered, one directory
of files; `server.py` is the HTTP door; `keys.py` the keys.

A directory belongs to one process at a time. Never restore it from a copy: an older copy has forgotten what it signed.
Make a new key instead, and give the new line to whoever relied on the old one.

Nothing here loads the product: no database, no Flask.
"""
