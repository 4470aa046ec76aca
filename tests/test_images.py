"""Decoding, limits, hashes and atomic writing."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec import images
from offspec.errors import DatasetError, ImageDecodeError, ShapeError, WriteError
from offspec.images import (
    atomic_write,
    decode_image,
    encode_png,
    file_sha256,
    image_files,
    image_sha256,
    image_size_wh,
    read_image,
    significant_bits,
    to_unit,
    write_png,
)
from offspec.types import ImageArray
from tests.synth import part_image

RGB = part_image(3, (20, 30))


def encoded(suffix: str, image: ImageArray = RGB, *options: int) -> bytes:
    stored = image[:, :, ::-1] if image.ndim == 3 else image
    done, data = cv2.imencode(suffix, np.ascontiguousarray(stored), list(options))
    assert done
    return data.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, colour: int, rows: bytes, *, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def tiff(tags: dict[int, tuple[int, ...]], strip: bytes) -> bytes:
    """A little-endian TIFF: one strip, tags of 16-bit numbers (long where needed)."""
    tags = tags | {273: (8,), 279: (len(strip),)}
    body, extra = b"", b""
    directory_at = 8 + len(strip) + len(strip) % 2
    extra_at = directory_at + 2 + 12 * len(tags) + 4
    for number, values in sorted(tags.items()):
        is_long = number in {273, 279}
        raw = struct.pack(f"<{len(values)}{'I' if is_long else 'H'}", *values)
        if len(raw) > 4:
            raw, extra = struct.pack("<I", extra_at + len(extra)), extra + raw
        body += struct.pack("<HHI", number, 4 if is_long else 3, len(values)) + raw.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", directory_at)
    padding = b"\0" * (len(strip) % 2)
    return head + strip + padding + struct.pack("<H", len(tags)) + body + b"\0\0\0\0" + extra


def tiff_of(image: ImageArray, **changes: tuple[int, ...]) -> bytes:
    """Tags by name t<number>, as in t274=(6,)."""
    samples = image.shape[2] if image.ndim == 3 else 1
    tags = {
        256: (image.shape[1],),
        257: (image.shape[0],),
        258: (image.itemsize * 8,) * samples,
        259: (1,),
        262: (2,) if samples > 1 else (1,),
        277: (samples,),
        278: (image.shape[0],),
    }
    tags |= {int(name[1:]): value for name, value in changes.items()}
    return tiff(tags, image.astype(image.dtype.newbyteorder("<")).tobytes())


def exif(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 274, 3, 1, orientation, 0) + b"\0" * 4


def with_jpeg_exif(data: bytes, orientation: int) -> bytes:
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


# --- formats ---


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_formats_give_the_pixels_back(suffix: str) -> None:
    decoded = decode_image(encoded(suffix))
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, RGB)


def test_jpeg_is_rgb_not_bgr() -> None:
    decoded = decode_image(encoded(".jpg", np.full((16, 16, 3), (250, 10, 60), np.uint8)))
    assert np.abs(decoded.astype(int) - (250, 10, 60)).max() < 8


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".jpg"])
def test_grey_becomes_three_equal_channels(suffix: str) -> None:
    decoded = decode_image(encoded(suffix, RGB[:, :, 0]))
    assert decoded.shape == RGB.shape
    assert (decoded == decoded[:, :, :1]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_kept(suffix: str) -> None:
    image = part_image(1, (20, 30), bits=12)
    decoded = decode_image(encoded(suffix, image))
    assert decoded.dtype == np.uint16
    np.testing.assert_array_equal(decoded, image)


def test_bilevel_png_becomes_black_and_white() -> None:
    decoded = decode_image(png(8, 1, 0, b"\0\xf0", depth=1))
    np.testing.assert_array_equal(decoded[0, :, 0], [255] * 4 + [0] * 4)


def test_alpha_is_blended_on_black() -> None:
    rows = b"\0" + bytes([200, 100, 50, 255]) + bytes([200, 100, 50, 128]) + bytes([9, 9, 9, 0])
    decoded = decode_image(png(3, 1, 6, rows))
    np.testing.assert_array_equal(decoded[0], [[200, 100, 50], [100, 50, 25], [0, 0, 0]])


def test_sixteen_bit_alpha_is_blended_without_overflow() -> None:
    rows = b"\0" + struct.pack(">8H", 65535, 40000, 7, 65535, 65535, 40000, 7, 32768)
    decoded = decode_image(png(2, 1, 6, rows, depth=16))
    np.testing.assert_array_equal(decoded[0], [[65535, 40000, 7], [32768, 20000, 4]])


def test_grey_alpha_png() -> None:
    decoded = decode_image(png(2, 1, 4, b"\0" + bytes([200, 255, 200, 51])))
    np.testing.assert_array_equal(decoded[0, :, 0], [200, 40])


def test_palette_with_transparency() -> None:
    data = png(2, 1, 3, b"\0\0\1")
    palette = png_chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50])) + png_chunk(b"tRNS", b"\xff\0")
    decoded = decode_image(data[:33] + palette + data[33:])
    np.testing.assert_array_equal(decoded[0], [[10, 20, 30], [0, 0, 0]])


def test_alpha_of_sixteen_bit_tiff() -> None:
    image = np.zeros((1, 2, 4), np.uint16)
    image[0] = [[60000, 50, 7, 65535], [60000, 50, 8, 32768]]
    straight = decode_image(tiff_of(image, t338=(2,)))
    np.testing.assert_array_equal(straight[0], [[60000, 50, 7], [30000, 25, 4]])
    blended = decode_image(tiff_of(image, t338=(1,)))
    np.testing.assert_array_equal(blended[0], image[0, :, :3])


@pytest.mark.parametrize(
    "image", [np.array([[0, 1, 255]], np.uint8), np.array([[0, 1, 65535]], np.uint16)]
)
def test_white_is_zero_tiff(image: ImageArray) -> None:
    decoded = decode_image(tiff_of(image, t262=(0,)))
    np.testing.assert_array_equal(decoded[0, :, 0], image.max() - image[0])


def test_first_page_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    assert cv2.imwritemulti(str(path), [RGB, RGB[:5]])
    np.testing.assert_array_equal(read_image(path), RGB[:, :, ::-1])


def test_animation_chunks_and_profiles_never_reach_the_decoder() -> None:
    data = encoded(".png")
    chunks = png_chunk(b"acTL", b"\xff" * 8) + png_chunk(b"iCCP", b"junk") + png_chunk(b"gAMA", b"")
    np.testing.assert_array_equal(decode_image(data[:33] + chunks + data[33:]), RGB)


# --- orientation ---

TURNS: dict[int, Callable[[ImageArray], ImageArray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_exif_orientation_of_each_format(orientation: int, tmp_path: Path) -> None:
    upright = TURNS[orientation](RGB)
    plain_png = encoded(".png")
    as_png = plain_png[:33] + png_chunk(b"eXIf", exif(orientation)) + plain_png[33:]
    np.testing.assert_array_equal(decode_image(as_png), upright)
    jpeg = encoded(".jpg")
    turned = TURNS[orientation](decode_image(jpeg))
    np.testing.assert_array_equal(decode_image(with_jpeg_exif(jpeg, orientation)), turned)
    for as_tiff in (
        tiff_of(RGB, t274=(orientation,)),
        tiff_of(RGB.astype(np.uint16), t274=(orientation,)),
    ):
        np.testing.assert_array_equal(decode_image(as_tiff), upright)
    (tmp_path / "a.png").write_bytes(as_png)
    assert image_size_wh(tmp_path / "a.png") == (upright.shape[1], upright.shape[0])


@pytest.mark.parametrize("block", [b"", b"II*\0", exif(0), exif(9), exif(6)[:12], b"II*\0" * 9])
def test_damaged_exif_means_upright(block: bytes) -> None:
    data = encoded(".png")
    damaged = data[:33] + png_chunk(b"eXIf", block) + data[33:]
    np.testing.assert_array_equal(decode_image(damaged), RGB)


# --- attacks and damage ---


def bmp_header(width: int, height: int, *, depth: int = 24, compression: int = 0) -> bytes:
    return b"BM" + struct.pack(
        "<IIIIiiHHIIiiII", 0, 0, 54, 40, width, height, 1, depth, compression, 0, 0, 0, 0, 0
    )


HUGE = {
    "png": png(10_000, 10_000, 2, b""),
    "jpeg": b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 10_000, 10_000) + b"\x03" * 20,
    "bmp": bmp_header(10_000, -10_000),
    "tiff": tiff_of(np.zeros((1, 1, 3), np.uint8), t256=(10_000,), t257=(10_000,)),
    "long": png(2**31 - 1, 2**31 - 1, 2, b""),
}


@pytest.mark.parametrize("kind", sorted(HUGE))
def test_hundred_megapixels_are_refused_before_decoding(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoder(*_: object) -> None:
        pytest.fail("the decoder was called")

    monkeypatch.setattr(cv2, "imdecode", decoder)
    with pytest.raises(ImageDecodeError, match="megapixels"):
        decode_image(HUGE[kind], "bomb")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_every_truncation_is_an_error(suffix: str) -> None:
    data = encoded(suffix)
    for length in sorted({*range(0, len(data), 37), *range(80), len(data) - 1, len(data) - 3}):
        with pytest.raises(ImageDecodeError):
            decode_image(data[:length], "cut")


def test_truncated_progressive_jpeg() -> None:
    data = encoded(".jpg", RGB, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert decode_image(data).shape == RGB.shape
    with pytest.raises(ImageDecodeError, match="EOI"):
        decode_image(data[:-60])


def test_a_thumbnail_does_not_end_a_truncated_jpeg() -> None:
    thumbnail = encoded(".jpg", RGB[:4, :4])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = encoded(".jpg")
    whole = data[:2] + segment + data[2:]
    assert decode_image(whole).shape == RGB.shape
    with pytest.raises(ImageDecodeError, match="EOI"):
        decode_image(whole[:-30])


def test_bytes_after_the_end_are_ignored() -> None:
    for suffix in (".png", ".jpg", ".bmp"):
        assert decode_image(encoded(suffix) + b"\0" * 100).shape == RGB.shape


@pytest.mark.parametrize("position", [40, 60, 100])
def test_flipped_bit_in_png_is_an_error(position: int) -> None:
    data = bytearray(encoded(".png"))
    data[position] ^= 1
    with pytest.raises(ImageDecodeError):
        decode_image(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"GIF89a" + b"\0" * 40,
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"<svg/>",
        b"BM",
        b"BM" + b"\xff" * 60,
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff" * 1000,
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 20,
        b"II+\0\x08\0\0\0" + b"\xff" * 40,
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 40,
        png(0, 5, 2, b""),
        png(5, 5, 2, b"\0" * 10),
        png(5, 5, 2, b"")[:33] + png_chunk(b"IEND", b""),
        bmp_header(4, 4, compression=4) + b"\0" * 99,
        bmp_header(-4, 4) + b"\0" * 99,
    ],
)
def test_what_is_no_image_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageDecodeError, match="'odd'"):
        decode_image(data, "odd")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_random_damage_is_an_image_or_a_named_error(suffix: str) -> None:
    data = np.frombuffer(encoded(suffix), np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = data.copy()
        places = rng.integers(0, data.size, 4)
        damaged[places] = rng.integers(0, 256, 4)
        with contextlib.suppress(ImageDecodeError):  # no other error may come out
            assert decode_image(damaged.tobytes()).shape[2] == 3


def test_jpeg_with_thousands_of_scans_is_refused() -> None:
    data = encoded(".jpg")
    start = data.index(b"\xff\xda")
    with pytest.raises(ImageDecodeError, match="scans"):
        decode_image(data[:start] + data[start:-2] * 300 + b"\xff\xd9")


@pytest.mark.parametrize(
    ("image", "changes"),
    [
        (np.zeros((2, 2), np.uint16), {"t339": (2,)}),
        (np.zeros((2, 4), np.uint16), {"t256": (2,), "t258": (32,), "t339": (3,)}),
        (np.zeros((2, 2, 2), np.uint8), {}),
        (np.zeros((2, 2, 5), np.uint8), {}),
        (np.zeros((2, 2, 3), np.uint16), {"t284": (2,)}),
    ],
    ids=["signed", "float", "grey-alpha", "five", "planes"],
)
def test_tiff_kinds_that_are_not_grey_or_colour_are_refused(
    image: ImageArray, changes: dict[str, tuple[int, ...]]
) -> None:
    with pytest.raises(ImageDecodeError, match="8 and 16 bit grey and colour"):
        decode_image(tiff_of(image, **changes))


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageDecodeError, match="empty"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(ImageDecodeError, match="cannot be read"):
        read_image(tmp_path / "none.png")
    with pytest.raises(ImageDecodeError):
        read_image(tmp_path)
    with pytest.raises(ImageDecodeError):
        read_image("nul\0.png")


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageDecodeError, match="pipe"):
        read_image(tmp_path / "pipe.png")


def test_oversized_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    write_png(tmp_path / "a.png", RGB)
    with pytest.raises(ImageDecodeError, match="At most 100"):
        read_image(tmp_path / "a.png")


# --- folders and names ---


def test_unicode_names_are_read_and_listed_in_order(tmp_path: Path) -> None:
    names = ["b.PNG", "a.jpeg", "プリント 基板.tif", "écran.TIFF", "z.JpG", "c.bmp"]
    for name in names:
        (tmp_path / name).write_bytes(encoded(".png"))
    for name in (".hidden.png", "._b.png", "notes.txt", "a.png.json", "png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    listed = image_files(tmp_path)
    assert [p.name for p in listed] == sorted([*names, "gone.png"])
    for path in listed:
        if path.name != "gone.png":
            np.testing.assert_array_equal(read_image(path), RGB)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be listed"):
        image_files(tmp_path / "none")


def test_links_to_images_are_followed(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB)
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), RGB)


# --- values ---


@pytest.mark.parametrize(
    ("largest", "bits"), [(0, 10), (1023, 10), (1024, 12), (4095, 12), (16383, 14), (16384, 16)]
)
def test_significant_bits(largest: int, bits: int) -> None:
    image = np.full((2, 2, 3), largest, np.uint16)
    assert significant_bits([np.zeros((2, 2, 3), np.uint16), image]) == bits
    assert significant_bits([RGB]) == 8


def test_mixed_depths_are_refused() -> None:
    for mixed in ([], [RGB, RGB.astype(np.uint16)]):
        with pytest.raises(ShapeError, match="depth"):
            significant_bits(mixed)


def test_to_unit_is_linear_and_clipped() -> None:
    values = np.array([[[0, 51, 255]]], np.uint8)
    unit = to_unit(values, 8)
    assert unit.dtype == np.float32
    np.testing.assert_array_equal(unit, np.array([[[0, 0.2, 1]]], np.float32))
    wide = to_unit(np.array([[[0, 4095, 9000]]], np.uint16), 12)
    np.testing.assert_array_equal(wide, np.array([[[0, 1, 1]]], np.float32))
    with pytest.raises(ShapeError):
        to_unit(np.zeros((1, 1, 3), np.uint16), 20)


def test_pixel_hash_ignores_the_file_format() -> None:
    assert image_sha256(decode_image(encoded(".bmp"))) == image_sha256(RGB)
    assert image_sha256(RGB) != image_sha256(RGB.astype(np.uint16))
    assert image_sha256(RGB) != image_sha256(RGB.reshape(30, 20, 3))
    assert image_sha256(RGB[:, ::2]) == image_sha256(RGB[:, ::2].copy())


# --- writing ---


def test_png_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    for image in (RGB, part_image(1, (20, 30), bits=16)):
        write_png(tmp_path / "a.png", image)
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)
        assert encode_png(image) == encode_png(image.copy())
    mask = RGB[:, :, 0] > 100
    np.testing.assert_array_equal(decode_image(encode_png(mask))[:, :, 0] > 0, mask)
    assert file_sha256(tmp_path / "a.png") == file_sha256(tmp_path / "a.png")


def test_png_of_wrong_arrays() -> None:
    for image in (RGB[:, :, :2], RGB[:0], RGB.astype(np.float32), RGB[0, 0]):
        with pytest.raises(ShapeError):
            encode_png(image)  # type: ignore[arg-type]


def test_atomic_write_replaces_and_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 100 + ".bin")
    atomic_write(path, b"old")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device")])
def test_full_disk_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    path = tmp_path / "a.bin"
    atomic_write(path, b"old")

    def full(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a real full device")
def test_devices_and_folders_are_not_replaced(tmp_path: Path) -> None:
    for target in (Path("/dev/full"), tmp_path):
        with pytest.raises(WriteError, match="regular files"):
            atomic_write(target, b"x")
    with pytest.raises(WriteError, match="could not be written"):
        atomic_write(tmp_path / "none" / "a.bin", b"x")
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = """
import os, signal, sys
from offspec.images import atomic_write
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs start with it ignored
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
real = os.fsync
def fsync(fd):
    real(fd)
    os.kill(os.getpid(), int(sys.argv[2]))
    signal.sigtimedwait([], 0.2)
os.fsync = fsync
atomic_write(sys.argv[1], b"new" * 1000)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_the_old_file_alone(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(path), str(int(number))]
    finished = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert finished.returncode != 0
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
