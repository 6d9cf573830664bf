"""Figures of every node of an enterprise's tree: kept by what changed, equal to the ledger, read in milliseconds.

    what changed ─► marks ─► keeping (a job, sql) ─► counted ─► dashboards ─► board_tables, charts

`counted` has what each member adds and the sums of each node.

`elearn figures check` counts everybody afresh and compares (`commands`).
"""
