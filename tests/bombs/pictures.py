"""Bombs in pictures: files of a few bytes that claim, or unpack to, a great many pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.bombs import Bomb

PIXELS, EXPANSION = "FOREBEAR_DATA_PIXELS", "FOREBEAR_DATA_EXPANSION"


def folder_of(folder: Path, content: bytes, suffix: str, *, copies: int = 1) -> Path:
    """Two classes with a sound picture each, and in the first one the bomb so many times."""
    data = folder / "data"
    for name in ("cat", "dog"):
        (data / name).mkdir(parents=True)
        Image.new("L", (4, 4), len(name) + ord(name[0])).save(data / name / "0.png")
    for number in range(1, copies + 1):
        (data / "cat" / f"{number}.{suffix}").write_bytes(content)
    return data


def picture(name: str, content: Callable[[], bytes], words: str = PIXELS, suffix: str = "png", copies: int = 1) -> Bomb:
    return Bomb(f"picture-{name}", lambda f: folder_of(f, content(), suffix, copies=copies), words)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size; its pixels are what `chunks` hold."""
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + b"".join(chunks) + chunk(b"IEND", b"")


def solid(width: int, height: int, mode: str, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, kind, **options)
    return out.getvalue()


def scans() -> bytes:
    """A progressive JPEG with one of its scans 30,000 times over."""
    whole = solid(1024, 1024, "RGB", "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 30_000 + whole[-2:]


def patched_jpeg() -> bytes:
    whole = bytearray(solid(64, 64, "RGB", "JPEG"))
    at = whole.index(b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(whole)


def tiff(width: int, height: int) -> bytes:
    """A TIFF of one strip, with the size that it claims."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, height),
        (279, 4, 1),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def gif() -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0)
        + b"\x02\x02\x44\x01\x00;"
    )


def bmp() -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    )


def chunked(kind: bytes, head: bytes) -> bytes:
    """A PNG of 4 x 4 pixels with 150 MB of compressed text or colour profile beside them."""
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(12) for _ in range(4))))
    return png(4, 4, chunk(kind, head + zlib.compress(bytes(150_000_000), 1)), pixels)


PICTURES = [
    picture("png-claims-4-thousand-million-pixels", lambda: png(65_536, 65_536)),
    picture("png-claims-more-than-a-number-holds", lambda: png(2**31 - 1, 2**31 - 1)),
    picture("png-one-bit", lambda: solid(12_000, 12_000, "1", "PNG")),
    picture(
        "png-of-60-large-pictures", lambda: solid(8_000, 8_000, "RGB", "PNG", compress_level=9), EXPANSION, copies=60
    ),
    picture("png-of-60-large-grey-pictures", lambda: solid(8_000, 8_000, "1", "PNG"), EXPANSION, copies=60),
    picture("png-text", lambda: chunked(b"zTXt", b"Comment\0\0"), "cannot be read"),
    picture("png-international-text", lambda: chunked(b"iTXt", b"Comment\0\1\0\0\0"), "cannot be read"),
    picture("gif-claims-4-thousand-million-pixels", gif, PIXELS, "gif"),
    picture("bmp-claims-3,600-million-pixels", bmp, PIXELS, "bmp"),
    picture("tiff-claims-10-thousand-million-pixels", lambda: tiff(100_000, 100_000), PIXELS, "tif"),
    picture(
        "tiff-lzma-of-10-large-pictures",
        lambda: solid(8_000, 8_000, "L", "TIFF", compression="tiff_adobe_deflate"),
        EXPANSION,
        "tif",
        10,
    ),
    picture("ppm-claims-10-thousand-million-pixels", lambda: b"P6\n100000 100000\n255\n", PIXELS, "ppm"),
    picture("pgm-plain-claims-10-thousand-million-pixels", lambda: b"P2\n100000 100000\n255\n1 1 1\n", PIXELS, "pgm"),
    picture("jpeg-claims-4-thousand-million-pixels", patched_jpeg, PIXELS, "jpg"),
    picture("jpeg-of-30,000-scans", scans, "scans", "jpg"),
    picture(
        "webp-of-82-million-pixels",
        lambda: solid(16_383, 5_000, "RGB", "WEBP", lossless=True, quality=0, method=0),
        PIXELS,
        "webp",
    ),
]


def listed_again(folder: Path) -> Path:
    """A table that lists one picture 300,000 times."""
    data = folder_of(folder, b"", "txt", copies=0)
    (data / "index.csv").write_text("path,label\n" + "cat/0.png,a\n" * 300_000)
    return data


LISTED = [Bomb("picture-listed-300,000-times", listed_again, "names 'cat/0.png' again")]
