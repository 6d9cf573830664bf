"""The rules of watching, each broken on purpose, and the tests that must see it.

    python -m tests.mutants [--only WORD] [--jobs 2]

- `mutations.py`  the mutations, as data: rule, file, old text, new text, suites that must each catch it;
- `runner.py`     the command: applies each to a scratch copy of the tree, runs its suites, says one line.

A mutation that a suite does not see SURVIVED, and the command ends with status 1.
"""
