"""Kinds of files: pictures that change their shape, sound that cannot be decoded, interlaced pictures, slow motion, and sound
that has to stay in sync."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, TypeAlias

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext, Flags
from av.container import OutputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from benchmarks.reports.case import Case, Outcome
from core import paths
from core.bundled import dances
from core.pose.video_analysis import look
from core.types import Frame
from core.video.colour import EXACT
from core.video.filters import Filter
from core.video.probe import probe
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from tests.video.boxes import change_file, replacing
from tests.video.media import (
    SOUND_RATE,
    add_sound,
    beep_times,
    flash_times,
    flashing,
    make_video,
    tone,
    write_sound,
)

Samples: TypeAlias = NDArray[np.float32]

IN_SYNC: Final = 0.001
"""Seconds that sound may be away from its picture."""

_RATE: Final = 25
_UNLIKE: Final = 6.0
"""Mean grey levels between a picture and itself, coded and scaled another way, at most."""
_FOLLOWED: Final = 0.98
"""Share of the pictures in which the dancer is found."""
_MOST_COMBS: Final = 0.02
"""Of what moves, the share in combs up to which pictures are whole: of the bundled dances up to .018, woven ones have .26."""
_HEARD: Final = 2.0
"""Seconds of sound that are held against each other."""


@cache
def dance_frames(count: int, name: str = "omar-street") -> tuple[Frame, ...]:
    """The first pictures of a bundled dance."""
    path = dances.find(name)
    if path is None:
        raise FileNotFoundError(f"{name} is no bundled dance")
    with VideoReader(path, end=(count + 0.5) / _RATE) as reader:
        return tuple(frame.image for frame in reader)[:count]


def cropped(picture: Frame, width: int, height: int) -> Frame:
    """The middle of a picture."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


# ---- pictures that change on the way


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a stream that is coded in its own way; ``aspect`` is how many times as wide as high its pixels are, and
    ``transfer`` FFmpeg's number of a transfer curve."""

    pictures: Sequence[Frame]
    aspect: Fraction = Fraction(1)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    full: bool = False
    transfer: int = 1


def write_parts(path: Path, parts: Sequence[Part], rate: int = _RATE) -> None:
    """One stream of all of them, in a container that says of each packet what it needs: ``.ts``, ``.webm``, ``.flv``."""
    with av.open(path, "w") as container:
        stream = container.add_stream(parts[0].codec, rate=rate)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{parts[0].codec} codes no pictures")
        _set_up(stream.codec_context, parts[0])
        shown = 0
        for part in parts:
            coder = _coder(part, rate)
            for picture in part.pictures:
                coded = _coded(picture, part, Fraction(1, rate), shown)
                shown += 1
                _mux(container, stream, coder, coded)
            _mux(container, stream, coder, None)


def _coder(part: Part, rate: int) -> VideoCodecContext:
    coder = CodecContext.create(part.codec, "w")
    if not isinstance(coder, VideoCodecContext):
        raise TypeError(f"{part.codec} codes no pictures")
    _set_up(coder, part)
    coder.framerate, coder.time_base = Fraction(rate), Fraction(1, rate)
    coder.options = _QUICK.get(part.codec, {"bf": "2"})
    return coder


_QUICK: Final = {
    "libx265": {"x265-params": "log-level=none:pools=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


def _set_up(coder: VideoCodecContext, part: Part) -> None:
    coder.height, coder.width = part.pictures[0].shape[:2]
    coder.pix_fmt = part.pixel_format
    coder.sample_aspect_ratio = part.aspect
    coder.color_range = ColorRange.JPEG if part.full else ColorRange.MPEG
    coder.color_trc = part.transfer
    if part.transfer != 1:
        coder.color_primaries, coder.colorspace = 9, 9


def _coded(picture: Frame, part: Part, tick: Fraction, number: int) -> Picture:
    made = Picture.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(
        format=part.pixel_format,
        dst_colorspace=Colorspace.ITU601 if part.transfer == 1 else None,
        dst_color_range=ColorRange.JPEG if part.full else ColorRange.MPEG,
    )
    made.time_base, made.pts = tick, number
    return made


def _mux(container: OutputContainer, stream: VideoStream, coder: VideoCodecContext, picture: Picture | None) -> None:
    for packet in coder.encode(picture):
        packet.stream = stream
        container.mux(packet)


def make_turned(path: Path, codec: str = "libx264") -> None:
    """An upright dance that is wide from picture 24 on."""
    upright = [cropped(picture, 288, 512) for picture in dance_frames(24)]
    wide = [cropped(picture, 512, 288) for picture in dance_frames(48)[24:]]
    write_parts(path, [Part(upright, codec=codec), Part(wide, codec=codec)])


def make_anamorphic(path: Path) -> None:
    """A broadcast of 4:3 that is 16:9 from picture 24 on; the pictures keep their 352x288 pixels."""
    parts = [
        Part(
            [cv2.resize(p, (352, 288), interpolation=cv2.INTER_AREA) for p in dance_frames(48)[at : at + 24]],
            aspect=aspect,
            codec="mpeg2video",
        )
        for at, aspect in ((0, Fraction(12, 11)), (24, Fraction(16, 11)))
    ]
    write_parts(path, parts)


def judge_shapes(path: Path, aspects: Callable[[int], Fraction] = lambda _: Fraction(1)) -> Outcome:
    """Hold every delivered picture against the stored one, scaled with its proportions kept, and look for the cut.

    ``aspects`` tells how many times as wide as high the pixels of a stored picture are, by its number.
    """
    unlike, squashed = [], []
    shapes: list[tuple[int, int]] = []
    with VideoReader(path) as reader, av.open(path) as container:
        for frame, picture in zip(reader, container.decode(video=0), strict=True):
            stored = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
            shapes.append((round(stored.shape[1] * aspects(frame.index)), stored.shape[0]))
            unlike.append(_difference(frame.image, _laid(stored, shapes[-1], reader.size)))
            squashed.append(_difference(frame.image, cv2.resize(stored, reader.size, interpolation=cv2.INTER_AREA)))
        changes = [at for at, (before, after) in enumerate(pairwise(shapes), 1) if before != after]
        sightings = list(look(reader))
        cuts = [sighting.frame.index for sighting in sightings if sighting.changed]
        followed = sum(sighting.pose is not None for sighting in sightings)
    found = (
        f"{len(unlike)} pictures up to {max(unlike):.1f} grey levels from the whole stored ones (squashed: {max(squashed):.0f}), "
        f"changes at {changes}, cuts at {cuts}, {len(reader.warnings)} sentence, the dancer followed in {followed}"
    )
    told = set(changes) <= set(cuts) and len(reader.warnings) == 1
    return Outcome(found, max(unlike) <= _UNLIKE and told and followed >= _FOLLOWED * len(sightings))


def _laid(stored: Frame, shape: tuple[int, int], size: tuple[int, int]) -> Frame:
    scale = min(size[0] / shape[0], size[1] / shape[1])
    width, height = round(shape[0] * scale), round(shape[1] * scale)
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    whole[top : top + height, left : left + width] = cv2.resize(stored, (width, height), interpolation=cv2.INTER_AREA)
    return whole


def _difference(one: Frame, other: Frame) -> float:
    return float(cv2.absdiff(one, other).mean())


# ---- sound


Undecodable: TypeAlias = Literal["first", "second", "both"]


def make_two_tracks(path: Path, undecodable: Undecodable = "second") -> None:
    """A dance with two default tracks of AAC, of which one or both are called what nobody decodes."""
    pictures = dance_frames(75)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=_RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        tracks = [add_sound(container, "aac") for _ in range(2)]
        for track in tracks:
            track.disposition = Disposition.default
        for picture in pictures:
            container.mux(stream.encode(Picture.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
        for track, beep in zip(tracks, (1.0, 2.0), strict=True):
            write_sound(container, track, tone(3.0, [beep]))
    unknown = {"first": (0,), "second": (1,), "both": (0, 1)}[undecodable]
    seen = 0

    def rename(content: bytes) -> bytes:
        nonlocal seen
        if b"mp4a" not in content:
            return content
        seen += 1
        if seen - 1 not in unknown:
            return content
        # FFmpeg knows AAC by what "esds" holds as well
        return content.replace(b"mp4a", b"apac").replace(b"esds", b"dapa")

    change_file(path, path, replacing(b"stsd", rename))


def copied(source: Path, into: Path, *, start: float = 0.0, end: float | None = None) -> VideoWriter:
    """A stretch of ``source`` with its sound, as a transfer does it."""
    with (
        VideoReader(source, start=start, end=end) as reader,
        VideoReader(source, start=start, end=end) as again,
    ):
        # the first picture says where the sound begins
        next(iter(reader))
        with VideoWriter(into, size=again.size, rate=again.info.rate, audio=reader.sound()) as writer:
            for frame in again:
                writer.write(frame.image, frame.time)
    return writer


def judge_tracks(path: Path) -> Outcome:
    """Hold the sound of the result against that of the one track that can be decoded."""
    with av.open(path) as container:
        known = [track.index for track in container.streams.audio if track.codec_context is not None]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        writer = copied(path, out)
        probed, made = probe(path).audio, probe(out).audio
        if not known:
            right = probed is None and made is None and len(writer.warnings) == 1
            return Outcome(f"silent, and one sentence: {' '.join(writer.warnings)}", right)
        if made is None:
            return Outcome(f"silent: {' '.join(writer.warnings)}", right=False)
        late, alike = _lag(_sound_of(path, known[0]), _sound_of(out))
    found = f"{made} as probed ({probed}), {alike:.0%} that of the track, {1000 * late:+.2f} ms late"
    return Outcome(found, probed == made and alike > 0.99 and abs(late) <= IN_SYNC and not writer.warnings)


def _sound_of(path: Path, track: int | None = None) -> Samples:
    """(n,) mono at 48 kHz from the file's first picture on."""
    with av.open(path) as container:
        track = container.streams.audio[0].index if track is None else track
        start = float(next(container.decode(video=0)).time or 0)
    heard = np.zeros(round((_HEARD + 1) * SOUND_RATE), np.float32)
    with av.open(path) as container:
        resampler = av.AudioResampler("fltp", "mono", SOUND_RATE)
        for piece in container.decode(container.streams[track]):
            if not isinstance(piece, AudioFrame):
                raise TypeError(f"track {track} of {path.name} is no sound")
            for frame in resampler.resample(piece):
                at = round((float(frame.time or 0) - start) * SOUND_RATE)
                samples = np.asarray(frame.to_ndarray()[0], np.float32)[max(0, -at) :]
                at = max(0, at)
                samples = samples[: max(0, len(heard) - at)]
                heard[at : at + len(samples)] = samples
    return heard[: round(_HEARD * SOUND_RATE)]


def _lag(given: Samples, heard: Samples) -> tuple[float, float]:
    """By how many seconds one sound comes later than another, and how much it is the same, 0 to 1."""
    length = 2 * len(given)
    both = np.fft.irfft(np.fft.rfft(heard, length) * np.conj(np.fft.rfft(given, length)), length)
    best = int(both.argmax())
    same = float(both[best]) / max(float(np.linalg.norm(given) * np.linalg.norm(heard)), 1e-9)
    return (best - length if best > len(given) else best) / SOUND_RATE, same


def make_in_sync(path: Path, sound: str, codec: str = "libx264", seconds: float = 4.0) -> None:
    """A picture that flashes when the sound beeps, a third of a second after each full one."""
    moments = _moments(seconds)
    make_video(path, flashing(seconds, moments), codec=codec, sound=sound, samples=tone(seconds, moments))


def _moments(seconds: float) -> list[float]:
    # on the pictures of 30 a second
    return [second + 1 / 3 for second in range(int(seconds))]


def make_trimmed(path: Path) -> None:
    """A film that was cut to begin at 1.5 s without coding it anew, as phones do: an edit list hides what comes before."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.mp4"
        make_in_sync(whole, "aac", seconds=5.0)
        with av.open(whole) as given, av.open(path, "w") as container:
            streams = {s.index: container.add_stream_from_template(s) for s in given.streams if s.type != "data"}
            packets = [p for p in given.demux() if p.size]
            for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
                shift = round(Fraction(3, 2) / packet.time_base)
                packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift
                packet.stream = streams[packet.stream.index]
                container.mux(packet)


def judge_sync(path: Path) -> Outcome:
    """Copy it as a transfer does, and hold how far each beep is from its flash against how far it is in the file itself."""
    with tempfile.TemporaryDirectory() as folder:
        out, part = Path(folder) / "out.mp4", Path(folder) / "part.mp4"
        # the second begins between two pictures
        writers = [copied(path, out), copied(path, part, start=1.1)]
        given, made, cut = (_apart(file) for file in (path, out, part))
        codec = probe(out).audio
    if not given or len(made) != len(given) or len(cut) != len(given) - 1:
        return Outcome(f"of {len(given)} beeps {len(made)}, and from 1.1 s on {len(cut)}", right=False)
    worst = max(map(abs, np.subtract([*made, *cut], [*given, *given[1:]]).tolist()))
    found = f"{codec}, {len(given)} beeps moved by up to {1000 * worst:.2f} ms, from 1.1 s on as well"
    said = [warning for writer in writers for warning in writer.warnings]
    return Outcome(" ".join([found, *said]), codec == "aac" and worst <= IN_SYNC and not said)


def _apart(path: Path) -> list[float]:
    """By how much each beep comes later than its flash. Sound that no container says the delay of is late in the file itself."""
    flashes, beeps = flash_times(path), beep_times(path)
    return np.subtract(beeps, flashes).tolist() if len(flashes) == len(beeps) else []


# ---- interlaced and slow motion


def woven(pictures: Sequence[Frame], *, top_first: bool = True) -> list[Picture]:
    """Each two pictures (both sides multiples of 4) as one, line by line, colours too."""
    made = []
    for first, second in zip(pictures[::2], pictures[1::2], strict=True):
        lines = [_planar(picture) for picture in (first, second)]
        upper, lower = lines if top_first else lines[::-1]
        height = len(upper) * 2 // 3
        whole = upper.copy()
        whole[1:height:2] = lower[1:height:2]
        # the two planes of colour have half the lines, each two of them in one row of the array
        whole[height:].reshape(height, -1)[1::2] = lower[height:].reshape(height, -1)[1::2]
        made.append(Picture.from_ndarray(whole, "yuv420p"))
    return made


def _planar(picture: Frame) -> NDArray[np.uint8]:
    return np.asarray(Picture.from_ndarray(picture, "rgb24").reformat(format="yuv420p").to_ndarray(), np.uint8)


def make_interlaced(
    path: Path,
    codec: str = "mpeg2video",
    *,
    top_first: bool = True,
    really: bool = True,
    flagged: bool = True,
    frames: int = 48,
) -> None:
    """A dance woven of two pictures each; without ``really`` of single pictures, which are flagged as woven all the same."""
    source = dance_frames(2 * frames)
    if really:
        pictures = woven(source, top_first=top_first)
    else:
        pictures = [Picture.from_ndarray(picture, "rgb24").reformat(format="yuv420p") for picture in source[::2]]
    order = "tff" if top_first else "bff"
    options = {"x264-params": f"{order}=1"} if flagged and codec == "libx264" else {}
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=_RATE, options=options)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{codec} codes no pictures")
        stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, "yuv420p"
        stream.bit_rate = 8_000_000
        if flagged and codec == "mpeg2video":
            stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        flag = Filter(pictures[0], "setfield", order if flagged else "prog")
        for number, picture in enumerate(pictures):
            (marked,) = flag.push(picture)
            marked.pts, marked.time_base = number, Fraction(1, _RATE)
            container.mux(stream.encode(marked))
        container.mux(stream.encode(None))


def combs_in(pictures: Sequence[Frame]) -> float:
    """Of the pixels that move from one picture (RGB) to the next, the share in combs, where it is most; 0 where little moves."""
    grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.int16) for picture in pictures]
    found = [0.0]
    for before, now in pairwise(grey):
        moved = np.abs(now - before)[1:-2] > 10
        over = np.sign(now[1:-1] - now[:-2]) * (np.abs(now[1:-1] - now[:-2]) > 10)
        under = np.sign(now[1:-1] - now[2:]) * (np.abs(now[1:-1] - now[2:]) > 10)
        stands_out = np.where(over == under, over, 0)
        combed = (stands_out[:-1] != 0) & (stands_out[:-1] == -stands_out[1:]) & moved
        if moved.sum() > moved.size / 500:
            found.append(float(combed.sum() / moved.sum()))
    return max(found)


def judge_combs(path: Path) -> Outcome:
    """Look for combs in what is delivered, and whether every picture came at its time."""
    with av.open(path) as container:
        stored = [np.asarray(picture.to_ndarray(format="rgb24"), np.uint8) for picture in container.decode(video=0)]
        container.seek(0)
        shown = [float(picture.time or 0) for picture in container.decode(video=0)]
    with VideoReader(path) as reader:
        frames = list(reader)
    combs, before = combs_in([frame.image for frame in frames]), combs_in(stored)
    late = max(abs(float(f.time) - (t - shown[0])) for f, t in zip(frames, shown, strict=False))
    found = (
        f"{len(frames)} of {len(stored)} pictures up to {1000 * late:.1f} ms late, of what moves {combs:.1%} in combs "
        f"(as stored {before:.1%})"
    )
    return Outcome(found, len(frames) == len(stored) and combs <= _MOST_COMBS and late <= IN_SYNC)


def judge_flagged(path: Path) -> Outcome:
    """Pictures that are only called interlaced lose nothing."""
    with av.open(path) as container:
        plain = None
        unlike = []
        with VideoReader(path) as reader:
            for frame, picture in zip(reader, container.decode(video=0), strict=True):
                plain = plain or Filter(picture, "setfield", "prog")
                (whole,) = plain.push(picture)
                stored = whole.reformat(format="rgb24", interpolation=EXACT).to_ndarray()
                unlike.append(_difference(frame.image, np.asarray(stored, np.uint8)))
    return Outcome(f"up to {max(unlike):.2f} grey levels from what is stored", max(unlike) < 1)


def make_slow_motion(path: Path, rate: int = 240, seconds: float = 1.0) -> None:
    """A dance of so many pictures a second, that flashes and beeps once."""
    source = dance_frames(math.ceil(seconds * _RATE))
    pictures = [source[number * _RATE // rate] for number in range(round(seconds * rate))]
    lit = range(round(0.5 * rate), round(0.6 * rate))
    pictures = [np.full_like(p, 250) if number in lit else p for number, p in enumerate(pictures)]
    make_video(path, pictures, rate=rate, sound="aac", samples=tone(seconds, [0.5]), options={"preset": "ultrafast"})


def judge_slow_motion(path: Path) -> Outcome:
    """Dance it by the command line: as it comes, and at 30."""
    info = probe(path)
    seconds = float(info.duration or 0)
    right, found = True, []
    with tempfile.TemporaryDirectory() as folder:
        for options, most in (([], 60), (["--fps", "30"], 30)):
            out, report = Path(folder) / "out.mp4", Path(folder) / "report.json"
            command = [
                sys.executable,
                "-m",
                "core",
                "transfer",
                str(path),
                "--target",
                "theo",
                "--generator",
                "nearest",
            ]
            more = ["--layout", "side-by-side", "--output", str(out), "--report", str(report), *options]
            subprocess.run([*command, *more], cwd=paths.PROJECT, check=True, capture_output=True)
            made, frames = probe(out), json.loads(report.read_text())["frames_out"]
            lasts = abs(float(made.duration or 0) - seconds)
            right &= abs(frames - most * seconds) <= 1 and lasts <= 1 / most and made.audio == info.audio
            found.append(f"{frames} pictures in {float(made.duration or 0):.2f} s")
    return Outcome(f"of {info.frames} pictures in {seconds:.2f} s {', and with --fps 30 '.join(found)}", right)


_SOUNDS: Final = (
    ("mp4", "libx264", "aac"),
    ("ts", "libx264", "aac"),
    ("mp4", "libx264", "libmp3lame"),
    ("webm", "libvpx", "libopus"),
    ("mkv", "libx264", "flac"),
    ("mov", "libx264", "alac"),
    ("mov", "libx264", "pcm_s16le"),
    ("avi", "mpeg4", "ac3"),
    ("mpg", "mpeg2video", "mp2"),
)

CASES: Final[tuple[Case, ...]] = (
    Case("size_change.ts", "proportions kept, a cut, a sentence", make_turned, judge_shapes),
    Case("size_change.webm", "the same of a browser's recording", partial(make_turned, codec="libvpx"), judge_shapes),
    Case(
        "aspect_change.ts", "the same where only the pixels' shape changes", make_anamorphic,
        partial(judge_shapes, aspects=lambda number: Fraction(12 if number < 24 else 16, 11)),
    ),
    Case("two_tracks_second_unknown.mp4", "the AAC track's sound", make_two_tracks, judge_tracks),
    Case("two_tracks_first_unknown.mp4", "the AAC track's sound", partial(make_two_tracks, undecodable="first"), judge_tracks),
    Case("no_track_known.mp4", "silent, and a sentence", partial(make_two_tracks, undecodable="both"), judge_tracks),
    Case("interlaced.mpg", "no comb in the source view", make_interlaced, judge_combs),
    Case(
        "interlaced.mts", "the same of a camcorder's H.264", partial(make_interlaced, codec="libx264", top_first=False),
        judge_combs,
    ),
    Case("flagged_interlaced.mpg", "whole pictures stay as they are", partial(make_interlaced, really=False), judge_flagged),
    Case("slow_motion_240.mp4", "60 pictures a second, or 30, as long as before", make_slow_motion, judge_slow_motion),
    Case("a_minute.mp4", "in sync to 1 ms", partial(make_in_sync, sound="aac", seconds=60.0), judge_sync),
    Case("trimmed.mp4", "in sync to 1 ms in spite of its edit list", make_trimmed, judge_sync),
    *(
        Case(f"{sound}.{ending}", "AAC in sync to 1 ms", partial(make_in_sync, sound=sound, codec=codec), judge_sync)
        for ending, codec, sound in _SOUNDS
    ),
)  # fmt: skip
"""Every kind of file."""
