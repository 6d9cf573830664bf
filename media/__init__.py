"""Video packaging: a video file goes in, an encrypted HLS lesson comes out. Knows files, not learners.

    SOURCE ─► probe ─► plan ─► ffmpeg ─► fmp4 + crypt ─► manifest
              facts    pure    encode     cut, encrypt    typed, hashed

Comes in: a file as an author uploads it. Goes out: one directory, complete or not there at all:

    TARGET/manifest.json   what the lesson is: measured duration, blocks, renditions, hashes
    TARGET/keys.bin        16 bytes a block, mode 0600; never served
    TARGET/public/         static files for nginx, S3 or a CDN: encrypted segments, clear init segments,
                           poster.jpg, sprite.jpg, sprite.vtt

Playlists are not files: `playlist.py` renders them from the manifest, because their key addresses point at
the application that gives keys at the pace of watching.

Open first: `package.py` (the whole story on one screen), then `plan.py` (every decision, pure).

    errors.py    what can go wrong, each with a code and its facts
    probe.py     PyAV: what a file holds; also measures what was produced
    plan.py      pure: source facts -> renditions, cuts, key blocks, copy or encode
    ffmpeg.py    the only module that runs ffmpeg
    fmp4.py      pure: where a fragmented MP4 may be cut
    crypt.py     AES-128-CBC of segments, keys
    pictures.py  pure: which thumbnails, and the WebVTT that names them
    manifest.py  the typed manifest; with package() the only part elearn imports
    playlist.py  pure: manifest -> HLS playlists
    package.py   probe, plan, run, cut, encrypt, write; all or nothing
    cli.py       the click group mounted as `elearn media`, also `python -m media`
"""
