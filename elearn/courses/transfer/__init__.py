"""FROM ONE INSTALLATION TO ANOTHER: a course as one file, and a course from one file.

    course ─► exporting ─► zip: course.json, media/, images/, subtitles/ ─► reading ─► importing ─► course of drafts

Comes in: a course of an institution. Goes out: a zip of which each byte follows from what the course holds, so the
export of an import is the same file. Coming back, a package is somebody else's file: `reading.py` believes nothing of
it, and `importing.py` keeps all of it or nothing.

Open first: `contents.py`, what a package says.
"""
