"""Files that claim to hold more than they can are refused before FFmpeg makes room for it; honest ones are not."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.video.decoder import decoder
from core.video.mp4_claims import read_claims
from core.video.probe import probe
from tests.limited import run_limited
from tests.targets.material import make_performer, write_manifest
from tests.video.boxes import box, change_file, changed, counting, replacing, table
from tests.video.media import make_video, numbered

READ = """
from core.video.reader import VideoReader
with VideoReader(Path(sys.argv[1])) as reader:
    told(sum(1 for _ in reader))
"""
MANY = 100_000_000
MOST_MEGABYTES = 300
MOST_SECONDS = 15
"""Of processor time, on a slow machine: a file that is not bounded takes minutes."""


def assert_refused_cheaply(path: Path) -> None:
    outcome = run_limited(READ, path)
    assert outcome.told == f"NotAVideo: Not one picture of {path.name} can be decoded: copy or download it again."
    assert outcome.errors == ""
    assert outcome.megabytes <= MOST_MEGABYTES
    assert outcome.seconds <= MOST_SECONDS


def assert_bearable(path: Path) -> None:
    """Used or refused, but in little memory."""
    outcome = run_limited(READ, path)
    assert isinstance(outcome.told, int) or outcome.told.startswith("NotAVideo: "), outcome.errors
    assert outcome.megabytes <= MOST_MEGABYTES
    assert outcome.seconds <= MOST_SECONDS


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with sound and with B-frames, its index at the end."""
    folder = tmp_path_factory.mktemp("honest")
    return make_video(folder / "honest.mp4", numbered(60), sound="aac", options={"bf": "2"})


@pytest.mark.parametrize(
    ("ending", "sound", "movflags"),
    [
        ("mp4", "aac", ""), ("mp4", "aac", "faststart"), ("mp4", "aac", "frag_keyframe+empty_moov"), ("mov", "aac", ""),
        ("mp4", "aac", "frag_keyframe+empty_moov+default_base_moof"), ("mp4", "aac", "dash"), ("mov", "pcm_s16le", ""),
    ],
)  # fmt: skip
def test_honest_files_are_plain(tmp_path: Path, ending: str, sound: str, movflags: str) -> None:
    options = {"movflags": movflags} if movflags else {}
    path = make_video(tmp_path / f"film.{ending}", numbered(90), sound=sound, container_options=options)

    assert read_claims(path) == "plain"
    assert probe(path).width == 64


def test_a_file_that_was_cut_off_is_not_called_false(tmp_path: Path) -> None:
    options = {"movflags": "faststart"}
    path = make_video(tmp_path / "film.mov", numbered(60), sound="pcm_s16le", container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])

    assert read_claims(path) == "plain"


@pytest.mark.parametrize("name", [b"stts", b"ctts", b"stss", b"stsc", b"stco", b"elst"])
@pytest.mark.parametrize("count", [MANY, 2**32 - 1])
def test_a_table_without_room_for_its_entries(honest: Path, tmp_path: Path, name: bytes, count: int) -> None:
    path = change_file(honest, tmp_path / "film.mp4", counting(name, count))

    assert read_claims(path) == "false"
    assert_refused_cheaply(path)


@pytest.mark.parametrize(
    "sizes",
    [table(1, MANY), table(1, 2**32 - 1), table(0, MANY), table(2**31, MANY)],
    ids=["one byte each", "all", "no sizes", "huge"],
)
def test_samples_without_number(honest: Path, tmp_path: Path, sizes: bytes) -> None:
    def claim(name: bytes, old: bytes) -> bytes:
        return {b"stsz": sizes, b"stts": table(1, MANY, 1000), b"stsc": table(1, 1, MANY, 1)}.get(name, old)

    path = change_file(honest, tmp_path / "film.mp4", claim)

    assert read_claims(path) == "false"
    assert_refused_cheaply(path)


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_fragment_of_a_hundred_million_samples(tmp_path: Path, place: str) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    whole = make_video(
        tmp_path / "whole.mp4", numbered(90), options={"g": "30"}, container_options=options
    ).read_bytes()
    header = box(b"mfhd", table(9)) + box(
        b"traf", box(b"tfhd", struct.pack(">II", 0x020000, 1)) + box(b"trun", table(MANY))
    )
    fragment = box(b"moof", header) + box(b"mdat", bytes(100))
    at = whole.index(b"moof") - 4 if place == "first" else whole.index(b"mfra") - 4
    path = tmp_path / "film.mp4"
    path.write_bytes(whole[:at] + fragment + whole[at:])

    assert read_claims(path) == "false"
    assert_refused_cheaply(path)


def hidden(old: bytes) -> bytes:
    """A sample description that has a table of sizes in it, where nobody would look for one."""
    return old + box(b"stsz", table(1, MANY)) + box(b"stts", table(1, MANY, 1))


@pytest.mark.parametrize(
    "change",
    [
        replacing(b"stsd", lambda old: old[:8] + box(old[12:16], hidden(old[16:]))),
        replacing(b"hdlr", hidden),
        replacing(b"moov", lambda old: old + box(b"udta", hidden(b""))),
        replacing(
            b"moov", lambda old: box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 2**31) + old))
        ),
        replacing(b"moov", lambda old: old + b"".join(box(b"trak", b"") for _ in range(5000))),
    ],
    ids=["sample description", "handler", "user data", "compressed", "many tracks"],
)
def test_what_is_unusual_is_tried_in_a_process_of_its_own(
    honest: Path, tmp_path: Path, change: Callable[[bytes, bytes], bytes]
) -> None:
    path = change_file(honest, tmp_path / "film.mp4", change)

    assert read_claims(path) == "unknown"
    assert_bearable(path)


def test_edits_times_samples(honest: Path, tmp_path: Path) -> None:
    """Each is possible; FFmpeg goes through all samples for every edit."""

    def claim(name: bytes, old: bytes) -> bytes:
        edits = table(3000, *(1000, 0, 65536) * 3000)
        sizes = {b"stsz": table(1, 50_000), b"stts": table(1, 50_000, 512), b"stsc": table(1, 1, 50_000, 1)}
        return {b"elst": edits, b"ctts": table(1, 50_000, 0), b"stss": table(1, 1), **sizes}.get(name, old)

    path = change_file(honest, tmp_path / "film.mp4", claim)

    assert read_claims(path) == "unknown"
    assert_bearable(path)


def test_boxes_in_boxes(honest: Path, tmp_path: Path) -> None:
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    path = tmp_path / "film.mp4"
    path.write_bytes(honest.read_bytes()[:32] + deep)

    assert read_claims(path) == "unknown"
    assert_bearable(path)


def test_opening_ends_what_takes_too_much(honest: Path, tmp_path: Path) -> None:
    """By itself, whatever the tables were judged to be."""
    claims = {b"stsz": table(1, MANY // 2), b"stts": table(1, MANY // 2, 9), b"stsc": table(1, 1, MANY // 2, 1)}
    path = change_file(honest, tmp_path / "film.mp4", claims.get)

    outcome = run_limited(
        "from core.video.decoder import decoder\ntold(decoder.ask('opens', path=sys.argv[1]))\n", path
    )

    assert outcome.told == "DecoderEnded: It cannot be decoded: copy or download it again."
    assert outcome.megabytes <= MOST_MEGABYTES
    assert outcome.seconds <= MOST_SECONDS
    assert decoder.ask("opens", path=str(honest))


def test_other_containers_are_tried_and_used(tmp_path: Path) -> None:
    for ending, codec in (
        ("mkv", "libx264"),
        ("webm", "libvpx-vp9"),
        ("avi", "mpeg4"),
        ("gif", "gif"),
        ("ts", "libx264"),
    ):
        path = make_video(
            tmp_path / f"film.{ending}",
            numbered(12),
            codec=codec,
            pixel_format="rgb8" if ending == "gif" else "yuv420p",
        )
        assert read_claims(path) == "unknown"
        assert probe(path).width == 64


def element(data: bytes, name: bytes, start: int = 0) -> tuple[int, int, int]:
    """Where the next Matroska element of that name begins, its content begins, and it ends."""
    place = data.index(name, start)
    first = data[place + len(name)]
    octets = 9 - first.bit_length()
    content = place + len(name) + octets
    length = int.from_bytes(data[content - octets : content], "big") - (1 << 7 * octets)
    return place, content, content + length


def test_a_matroska_of_ten_thousand_tracks(tmp_path: Path) -> None:
    data = make_video(tmp_path / "whole.mkv", numbered(5)).read_bytes()
    tracks, inside, _ = element(data, b"\x16\x54\xae\x6b")
    start, _, end = element(data, b"\xae", inside)
    many = data[start:end] * 10_000
    path = tmp_path / "film.mkv"
    path.write_bytes(data[:tracks] + b"\x16\x54\xae\x6b\x01" + len(many).to_bytes(7, "big") + many)

    assert_bearable(path)


def test_a_pack_whose_footage_claims_too_much(tmp_path: Path) -> None:
    folder = make_performer(tmp_path / "made")
    frames = folder / "frames.mp4"
    claims = {b"stsz": table(1, MANY), b"stts": table(1, MANY, 512), b"stsc": table(1, 1, MANY, 1)}
    frames.write_bytes(changed(frames.read_bytes(), claims.get))
    write_manifest(folder, "tiny", 30)
    with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())

    outcome = run_limited(
        "from core.targets.archive import import_pack\ntold(import_pack(Path(sys.argv[1]), into=Path(sys.argv[2])))",
        tmp_path / "tiny.zip", tmp_path / "into",
    )  # fmt: skip

    assert outcome.told == "PackInvalid: frames.mp4 cannot be read as a video, so tiny.zip is not taken in."
    assert outcome.megabytes <= MOST_MEGABYTES
    assert outcome.seconds <= MOST_SECONDS
