"""THE LOG OF HOURS: what is credited stands where nobody can change it unseen.

In come final spans and their reversals (`tracking`), hours attended, units and policies; out goes a log that everybody
may read, and for each leaf of it a proof that an exam system checks without asking us anything.

    evidence ─► crediting ─► appending ─► growing ─► signer ─► witnesses ─► publishing ─► credit.py
    a minute    spans are    numbered,    tiles on   its own   others       quorum met:   hours entries
    has a root  leaves       chained      disk       process   cosign       checkpoint    and records

`advancing` takes these steps, each of which commits: whoever dies in between is followed by another run. A leaf counts
once a published checkpoint is larger than its index, and not before.

    formats     pure; what others need to read us, and what they write to us
      tree          RFC 6962: roots, inclusion and consistency proofs           start here
      tiles         C2SP tlog-tiles: the log as static files
      notes         C2SP signed-note and tlog-cosignature: keys, signatures, by algorithm
      checkpoints   C2SP tlog-checkpoint: name, size, root
      quorum        C2SP tlog-policy: whom one believes, and how many of them it takes
      leaves        what the log says (leaf_members: how each value is written)
      tlog_proof    C2SP tlog-proof: a proof in one text
      hours_proof   leaf and proof in one file, and the seven ways in which it can be wrong
      plain_text    numbers, base64 and lines, each written in one way
      naming        what a log is called
    ours        with the database
      models, subjects, appending, evidence, advancing                 a minute becomes leaves
      crediting, attending, abandoned                                  which spans, which attendance, what a log lost
      signer, signer_door      the key, and what it never signs: two histories
      growing, log_files, files, publishing, standing, doors           from leaves to public files and back
      witnesses                asking others to cosign
      stamps, stamping, stamp_standing                                 RFC 3161 time stamps over checkpoints
      trouble                  what is wrong with all this, for /healthz, a page and a command
      sampling, sampling_draws, evidence_files, block_evidence         raw evidence of drawn blocks, for an authority
      checking                 `elearn ledger check`: all of it, gone through again
    others'     processes with keys and files of their own; none of our tables, no database
      witness       `elearn witness`: cosigns what only grew
      monitor       `elearn ledger monitor`: reads everything, adds it up again, tells what does not fit
      commands      `elearn ledger verify`: one proof of hours, offline

Words: a *leaf* is one entry; a *checkpoint* says how many there are and their root, signed by the log and cosigned by
*witnesses*; the *quorum* is how many of them it takes; a *subject* is a person under a name that only their own key
ties to them. A log is one year long: chains and totals begin anew in each, and old ones freeze.
"""
