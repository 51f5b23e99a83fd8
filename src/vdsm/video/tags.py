"""Whether FLV and RealMedia files are whole, by the sizes that they state.

Flash Video 10.1; RealMedia as its public descriptions have it.
"""

import struct
from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

TAGS = (8, 9, 18)  # sound, video, script; bit 5 is encryption


def check_flv(path: Path, data: Bytes) -> None:
    """Tags follow one another, each with its size behind it, up to the last byte."""
    at = int.from_bytes(data[5:9], "big") + 4
    declared = _number_in_script(data, b"filesize")
    if declared > len(data):
        raise truncated(path, f"{len(data)} bytes of {declared:.0f}")
    while at < len(data):
        size = 11 + int.from_bytes(data[at + 1 : at + 4], "big")
        end = at + size + 4
        if data[at] & 0x1F not in TAGS:
            raise damaged(path, f"at byte {at}")
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of at least {end}")
        if int.from_bytes(data[end - 4 : end], "big") not in (size, size - 11, 0):
            raise damaged(path, f"at byte {at}")
        at = end


def _number_in_script(data: Bytes, name: bytes) -> float:
    """A number of the script at the start of an FLV (AMF 0), or 0."""
    at = data[: 2**16].find(name + b"\0")
    value = data[at + len(name) + 1 : at + len(name) + 9] if at >= 0 else b""
    return float(struct.unpack(">d", value)[0]) if len(value) == 8 else 0.0


def check_real(path: Path, data: Bytes) -> None:
    """The chunks of the file, and the packets in them, follow one another up to its end."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"DATA":
            packets = int.from_bytes(data[at + 10 : at + 14], "big")
            at = _end_of_packets(path, data, at + 18, packets)
        elif size >= 8:
            at += size
        elif data[at : at + 8] == bytes(8):  # an end that some writers put
            at += 8
        else:
            raise damaged(path, f"at byte {at}")
    if at != len(data):
        raise truncated(path, f"{len(data)} bytes of at least {max(at, len(data) + 1)}")


def _end_of_packets(path: Path, data: Bytes, at: int, packets: int) -> int:
    """Where the packets of a RealMedia file end; their number is 0 where it was not known."""
    found = 0
    while (found < packets or not packets) and at + 12 <= len(data):
        version, size = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if version not in (b"\0\0", b"\0\1") or size < 12:
            break
        at, found = at + size, found + 1
    if found < packets:
        raise truncated(path, f"{found} of {packets} packets")
    return at
