"""MPEG-4 part 2 (DivX, Xvid): pictures that are there, but not coded (ISO 14496-2, 6.2)."""

from collections.abc import Iterator

START = b"\0\0\1"
LAYERS = range(0x20, 0x30)
PICTURE = 0xB6
HEADER = 64  # bytes that are looked at; a header is shorter


class Pictures:
    """Tells of the packets of a track, in their order, whether a picture is coded in them."""

    def __init__(self, extradata: bytes) -> None:
        self.clock_bits = 0  # of the layer's header, which comes first
        self.is_not_coded(extradata)

    def is_not_coded(self, packet: bytes) -> bool:
        """Whether no picture comes of a packet, since the one before stands on."""
        for code, content in _parts(packet):
            try:
                if code in LAYERS:
                    self.clock_bits = _clock_bits(_Bits(content))
                elif code == PICTURE and self.clock_bits:
                    return not _is_coded(_Bits(content), self.clock_bits)
            except EOFError:
                return False
        return False


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each start code with what follows it."""
    at = content.find(START)
    while 0 <= at < len(content) - 3:
        yield content[at + 3], content[at + 4 : at + 4 + HEADER]
        at = content.find(START, at + 4)


class _Bits:
    """Takes numbers of so many bits from the front."""

    def __init__(self, content: bytes) -> None:
        self.value, self.left = int.from_bytes(content, "big"), 8 * len(content)

    def take(self, bits: int) -> int:
        self.left -= bits
        if self.left < 0:
            raise EOFError
        return self.value >> self.left & ((1 << bits) - 1)


def _clock_bits(bits: _Bits) -> int:
    """Bits of the time in a picture's header, from the header of its layer."""
    bits.take(9)  # random access, type
    if bits.take(1):
        bits.take(7)  # version, priority
    if bits.take(4) == 15:
        bits.take(16)  # the shape of pixels
    if bits.take(1) and bits.take(4) & 1:  # chroma format, low delay, whether a buffer is described
        bits.take(79)
    bits.take(3)  # shape, marker
    return max(1, (bits.take(16) - 1).bit_length())


def _is_coded(bits: _Bits, clock_bits: int) -> bool:
    bits.take(2)  # type
    while bits.take(1):  # seconds
        pass
    bits.take(1 + clock_bits + 1)
    return bool(bits.take(1))
