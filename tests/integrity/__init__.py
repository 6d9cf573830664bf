"""The corpus of cheats and honest stories, told to the real server.

    python -m tests.integrity FILE.yaml [--case ID]

In comes a file in the vocabulary of `cases.yaml` (read its head); out come a line for each case and a count. Nothing is
mocked: the whole application on a real PostgreSQL, driven through its HTTP doors by players that speak the player
protocol with real keys, tokens, nonces and signatures. Only its clock and its check schedule are ours, as whoever holds
the application may set them and no route can.

- `runner.py`       the command: services, processes, lines, exit status;
- `corpus.py`       pure: reads a file, judges what came out;
- `story.py`        one case from its first event to what the database then holds;
- `real_server.py`  what the scripted players (tests/tracking/pure/script.py) talk to;
- `school.py`       the lessons, learners and browsers of the stories.
"""
