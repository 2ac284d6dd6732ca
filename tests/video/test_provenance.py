"""Whatever is written says that it is synthetic, to machines always and to people where that is wanted."""

from __future__ import annotations

import json
import tomllib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core import __version__
from core.errors import UnusableInput
from core.live.recording import Recorder
from core.settings import settings
from core.types import Frame
from core.video.formats import FORMATS, GIF, MOV, MP4, PNG_FOLDER, WEBM, OutputFormat
from core.video.provenance import PROGRAM, Provenance, SourceType, inspect, labelled
from core.video.reader import VideoReader
from core.video.still import write_still
from core.video.writing import writer_for
from tests.conftest import PROJECT
from tests.test_cli import one_sentence, run
from tests.video.media import numbered

RATE = Fraction(25)


def make(path: Path, wanted: OutputFormat, provenance: Provenance, pictures: list[Frame] | None = None) -> Path:
    pictures = numbered(6) if pictures is None else pictures
    size = (pictures[0].shape[1], pictures[0].shape[0])
    with writer_for(
        path, wanted, size=size, rate=RATE, until=len(pictures) / RATE, audio=None, keyframe_interval=None,
        transparent=False, provenance=provenance,
    ) as writer:  # fmt: skip
        for number, image in enumerate(pictures):
            writer.write(image, number / RATE)
    return path


def remuxed(path: Path, to: Path) -> Path:
    """The same streams in another file, with the metadata that FFmpeg's command line copies too."""
    with av.open(path) as old, av.open(to, "w") as new:
        new.metadata.update(old.metadata)
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return to


@pytest.mark.parametrize("kind", SourceType)
@pytest.mark.parametrize("wanted", [*FORMATS, PNG_FOLDER], ids=lambda f: f.name)
def test_every_format_says_it(tmp_path: Path, wanted: OutputFormat, kind: SourceType) -> None:
    found = inspect(make(tmp_path / f"a{wanted.suffix}", wanted, Provenance(kind, "realtime")))
    assert found.source_type == kind.value
    assert found.synthetic
    assert found.tool is not None
    assert PROGRAM in found.tool
    if wanted is WEBM:
        assert "the tag digital_source_type" in found.found_in
    else:
        assert "XMP" in found.found_in
        assert found.system == f"{PROGRAM}, generator realtime"
        assert found.tool.endswith(__version__)
    assert ("Synthetic" if kind is SourceType.SYNTHETIC else "Partly synthetic") in found.sentence


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_so_do_posters(tmp_path: Path, ending: str) -> None:
    write_still(tmp_path / f"a{ending}", numbered(1)[0], Provenance())
    assert inspect(tmp_path / f"a{ending}").source_type == "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("wanted", "ending"),
    [(MP4, ".mp4"), (MP4, ".mkv"), (MP4, ".mov"), (MOV, ".mov"), (WEBM, ".webm"), (WEBM, ".mkv"), (GIF, ".gif")],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_a_round_trip_through_ffmpeg_keeps_it(tmp_path: Path, wanted: OutputFormat, ending: str) -> None:
    made = make(tmp_path / f"a{wanted.suffix}", wanted, Provenance(SourceType.COMPOSITE))
    kept = inspect(remuxed(made, tmp_path / f"b{ending}"))
    assert kept.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert kept.synthetic


def test_what_a_camera_took_says_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "me.mp4", sound=False, longest=10, provenance=None)
    for number, image in enumerate(numbered(5)):
        recorder.show(image, number / 25)
    assert recorder.stop() is not None
    found = inspect(tmp_path / "me.mp4")
    assert found.synthetic is None
    assert "no proof" in found.sentence


def test_gifs_and_mp4s_stay_whole_with_it(tmp_path: Path) -> None:
    for wanted in (MP4, GIF, MOV, WEBM):
        with VideoReader(make(tmp_path / f"a{wanted.suffix}", wanted, Provenance())) as reader:
            assert len(list(reader)) == 6


def test_the_visible_mark_is_a_choice_and_the_rule_where_hosted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = [np.full((240, 320, 3), 90, np.uint8)] * 3

    def corner(provenance: Provenance) -> float:
        with VideoReader(make(tmp_path / "a.mp4", MP4, provenance, grey)) as reader:
            image = next(iter(reader)).image
        assert np.abs(image[:200].astype(int) - 90).max() < 8, "nothing but the corner changes"
        return float(image[-14:, -80:].max())

    assert corner(Provenance()) < 110
    assert corner(Provenance(visible=True)) > 200
    monkeypatch.setenv("DANCE_HOSTED", "1")
    settings.cache_clear()
    try:
        assert corner(Provenance()) > 200
        assert corner(Provenance(visible=False)) < 110
    finally:
        monkeypatch.delenv("DANCE_HOSTED")
        settings.cache_clear()


def test_a_transparent_picture_keeps_its_mark_visible() -> None:
    marked = labelled(np.zeros((240, 320, 4), np.uint8))
    assert marked[-5, -20, 3] >= 200
    assert not marked[:100].any()


def test_the_command_line_reads_it(tmp_path: Path) -> None:
    made = make(tmp_path / "a.mp4", MP4, Provenance())
    said = run("inspect", made)
    assert said.returncode == 0
    assert said.stdout.startswith("Synthetic: ")
    told = json.loads(run("inspect", made, "--json").stdout)
    assert told["synthetic"] is True
    assert told["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    lost = run("inspect", tmp_path / "gone.mp4")
    assert lost.returncode == 2
    assert one_sentence(lost.stderr)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (
            b"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture<",
            "digitalCapture",
        ),
        (
            b"<Iptc4xmpExt:DigitalSourceType rdf:resource='http://x/trainedAlgorithmicMedia'/>",
            "trainedAlgorithmicMedia",
        ),
        (b"<x/>", None),
    ],
)
def test_files_of_others_are_read_as_well(tmp_path: Path, packet: bytes, kind: str | None) -> None:
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + b"\xff\xd9")
    assert inspect(path).source_type == kind


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff", b"\0\0\0\x01ftyp", b"PK\x03\x04nothing"]
)
def test_broken_files_say_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    assert inspect(path).source_type is None


def test_a_folder_without_pictures_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no PNG"):
        inspect(tmp_path)


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"] == __version__
