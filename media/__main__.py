"""`python -m media`: the media commands without the rest of elearn."""

from media.cli import media_commands

media_commands(prog_name="python -m media")
