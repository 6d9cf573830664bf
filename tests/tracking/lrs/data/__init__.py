"""xAPI part two, Data: a module per section, a row per requirement, both versions."""
