"""The only place that knows what a receiver's machine speaks, and what became of each record on its way there.

Four ways out, one book. Every way tells the same data (`answers.as_data`) and writes into the same two ledgers: what
happened to each version on its way to each receiver (`delivery_event`), and what the receiver answered (`receipt`).

    pull      routes.py       eligibility of one person, the change feed (a page signed as a whole), receipts
    push      pushing.py      feed ─► outbox ─► receiver (Standard Webhooks, elearn/webhooks.py); push_rules.py decides,
              push_jobs.py    every few seconds; push_targets.py: addresses, secrets, dead letters
    package   packages.py     XLSX and JSON, signed, by a mapping profile; receipt_files.py reads them back
    paper     ../paper/       a proof with a QR code

What every way says alike stands in `blocks.py`. `package_verifying.py` is for who was given a package. Behind
`evidence_door.py` an authority finds the raw evidence of blocks that it drew, or that somebody ordered to be shown to
it (`order_commands.py`).

Open `delivery.py` first: the states of a delivery as one table. `deliveries.py` writes the book, `receipts.py` takes
receipts, each once. `reconciling.py` compares a receiver's list with ours, `rerouting.py` gives a matter to another
receiver. Receivers prove who they are in `oauth.py` (OAuth 2 client credentials, RFC 6749 section 4.4) and are made in
`receivers.py`; `openapi.py` describes the doors for the people who connect. `elearn.exam_sim` is the other side.

Which states a push may meet, and what a receiver should do:

- a message is sent again under the same `webhook-id` until it is answered 2xx; take it once;
- `data.cursor` is its place in the feed: of one record, what has a smaller cursor is older;
- `eligibility.withdrawn` says that a record no longer holds, with the reason; answer with a receipt `withdrawn`;
- 400, 409, 413, 415 and 422 refuse a message for good (an operator looks), 410 ends all pushes, everything else is
  tried again.
"""
