"""AN EXAM SYSTEM THAT IS NONE: the other side of the exam door, for the demonstration, the journeys, and integrators.

    elearn exam-sim serve --dir DIR --listen 127.0.0.1:7400 --base http://localhost:8000 --client exam-... [--plan FILE]

It pulls the change feed and asks about single persons as an OAuth 2 client, takes pushes and checks their signatures,
decides, sends receipts, and answers by plan: well, wrongly, late, twice, or not at all. It mirrors the log of hours
with a monitor, which demands of each checkpoint that it extends the one before, and can run a witness beside itself.

    exam.py      what it does with what it hears; open this first
    plan.py      pure: how it behaves, from a JSON file
    beliefs.py   what it believes, in an SQLite file of its own
    client.py    the product's doors over HTTP; nothing is believed whose signature does not hold
    log.py       the log's monitor, and the witness beside it
    server.py    its own door: POST /push; GET / (a page), /records.json, /state.json; POST /pull, /check
    commands.py  `elearn exam-sim`

It is a process of its own with storage of its own and knows of the product only what stands in its doors'
description: none of its tables, no DATABASE_URL.
"""
