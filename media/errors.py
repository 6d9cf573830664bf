"""What can go wrong in packaging. Each error has a stable `code` (the UI translates by it) and its facts."""

from __future__ import annotations

from typing import ClassVar

Fact = int | str


class MediaError(Exception):
    """A video could not be packaged. Nothing of the attempt is left on disk."""

    code: ClassVar[str] = "media_error"
    text: ClassVar[str] = "The video could not be packaged."

    def __init__(self, **facts: Fact) -> None:
        self.facts = facts
        super().__init__(self.text.format(**facts))


class SourceUnreadable(MediaError):
    code = "source_unreadable"
    text = "The file cannot be read: {reason}."


class ZeroLength(MediaError):
    code = "zero_length"
    text = "The video is empty: it has no length."


class NotAVideo(MediaError):
    code = "not_a_video"
    text = "The file is not a video in a format that is accepted."


class NoVideoTrack(MediaError):
    code = "no_video_track"
    text = "The file has no video track."


class TruncatedFile(MediaError):
    """`expected_ms` is what the file announces, `found_ms` what it holds (0 when its index is missing)."""

    code = "truncated_file"
    text = "The video file is cut off: it announces {expected_ms} ms and holds {found_ms} ms."


class DamagedFile(MediaError):
    """The container is whole but the pictures in it cannot be decoded, or not all of them."""

    code = "damaged_file"
    text = "The video is damaged and cannot be decoded to its end: {reason}."


class TargetExists(MediaError):
    """A target that exists is complete (it appears by one rename), so it is never overwritten."""

    code = "target_exists"
    text = "The target exists already: {target}."


class DiskFull(MediaError):
    code = "disk_full"
    text = "There is no space left to write the packaged video."


class EncodingFailed(MediaError):
    code = "encoding_failed"
    text = "ffmpeg failed ({status}): {reason}."


class Interrupted(MediaError):
    code = "interrupted"
    text = "Packaging was interrupted."


class BadParameter(MediaError):
    code = "bad_parameter"
    text = "{reason}."


class BadManifest(MediaError):
    code = "bad_manifest"
    text = "The manifest cannot be used: {reason}."
