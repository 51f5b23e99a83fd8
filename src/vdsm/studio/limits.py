"""What the studio takes from the outside, at most: size, length, time, queue."""

from dataclasses import dataclass

from vdsm.words import counted

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Of uploads, sessions and work; each is said in the line that refuses more."""

    upload_bytes: int = 64 * MB  # of one file
    upload_seconds: float = 120.0  # from its first byte to its last
    decode_seconds: float = 20.0  # of one file
    start_seconds: float = 60.0  # beside that, for the first file whose subject is looked for
    decode_bytes: int = 4 << 30  # memory of the process that decodes
    uploads_at_once: int = 8  # received or decoded, of all sessions
    window: int = 16  # frames of a clip that are seen, where training says no number
    clips: int = 40  # of one session, beside those that all share
    sessions: int = 64
    session_seconds: float = 3600.0  # without a request
    idle_seconds: float = 120.0  # after which it makes room for a new one, where all are taken
    waiting: int = 64  # jobs for the model, of all sessions
    waiting_each: int = 6  # of one session
    body_bytes: int = 64 << 10  # of a request that is no upload
    frames: int = 240  # of a drawn clip
    cells: int = 36  # clips drawn at once
    drawn_frames: int = 2400  # of all of these together
    connections: int = 128

    @property
    def upload_size(self) -> str:
        """In words."""
        return f"{self.upload_bytes // MB} MB"

    @property
    def decode_time(self) -> str:
        """In words."""
        return counted(round(self.decode_seconds), "second")
