"""HEIC photos, which libav would read as one of their tiles: by pillow-heif, or not at all."""

from pathlib import Path

from vdsm.errors import InputError

HEVC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
ANY_CODEC = (b"mif1", b"msf1")
AV1_BRANDS = (b"avif", b"avis")


def is_heif(start: bytes) -> bool:
    """Whether a file that begins so holds photos in an ISO 14496-12 container (HEIC, AVIF)."""
    known = start[8:12] in HEVC_BRANDS + ANY_CODEC + AV1_BRANDS
    return start[4:8] == b"ftyp" and known


def prepare(path: Path, start: bytes) -> None:
    """Let Pillow read HEIC from here on. InputError where it is HEIC and that cannot be."""
    box = start[: int.from_bytes(start[:4], "big")]
    if not is_heif(start) or any(box[i : i + 4] in AV1_BRANDS for i in range(8, len(box), 4)):
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise InputError(
            f'{path} is a HEIC photo: pip install "vdsm[heic]", or save it as JPEG'
        ) from None
    register_heif_opener()
