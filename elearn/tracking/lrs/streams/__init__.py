"""Statements on their way out of the store, and in from a file: everything that goes through it in order.

The order is that of storing: `stored`, then id. Nothing is given out beyond the moment up to which all can be read
(`consistency.py`), so whoever goes on from where the last page ended misses nothing, however late a statement's
transaction commits. Voided and voiding statements go along: a mirror needs both.

Open first `feed.py`: a page of that order, and the cursor between two pages. On it stand

- `routes.py`   `GET /xapi/stream?cursor=&limit=`, for others that pull;
- `ndjson.py`   `elearn lrs export` and `import`: files with one statement a line;
- `outbox.py`   what a target has had, what comes next, and what it did not take (dead letters);
- `targets.py`  the other record stores that get everything: made, paused, resumed, removed;
- `forward.py`  one round to one target: a batch is sent, halved where one statement is refused, told as Sent;
- `peer.py`     the other store over HTTP: tincan's RemoteLRS on a connection with bounds of its own;
- `jobs.py`     each few seconds, every target that is due; `commands.py` is `elearn lrs forward|export|import`.

The stream. `GET /xapi/stream` is ours, no part of xAPI, and needs no version header; HTTP Basic key or bearer token
with a scope that reads statements. A key sees what it may see at `/xapi/statements`.

    GET /xapi/stream?limit=100
    200 {"statements": [{...}, ...], "cursor": "BkCz...", "more": true}
    GET /xapi/stream?limit=100&cursor=BkCz...

`statements`: as format `exact` shows them. `cursor`: hand it in for what comes after; without one the stream begins
with the oldest. It is never spent, holds for ever, and may be kept by the client as its only state. `more`: whether a
next page can be had at once; when false, come back later with the same cursor. `limit`: 1 to 1000, 500 unless told;
a page ends earlier above 8 MB. With `Accept: application/x-ndjson` the answer is one statement a line, and the rest
stands in the headers `X-Stream-Cursor` and `X-Stream-More`. Data of attachments are not in the stream: they are had
from `/xapi/statements?statementId=...&attachments=true`.
"""
