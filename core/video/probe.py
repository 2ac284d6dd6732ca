"""What a video file holds, found by opening it and decoding its first picture.

Both happen in the process of :mod:`core.video.decoder`; the functions that do it there end in ``_here``.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from core.errors import NotAVideo, OverLimit
from core.video.decoder import DecoderEnded, decoder
from core.video.mp4_claims import read_claims
from core.video.shape import Shape, shape_of

# Demuxers that read one file and nothing else. Playlists and the like (hls, dash, concat, image2, sdp, ...) would make
# FFmpeg open whatever files or addresses a stranger's upload names, so they are left out.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,obu,dv,mxf,h264,hevc,m4v,mjpeg,"
    "yuv4mpegpipe,apng,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,gif_pipe,"
    "mp3,aac,flac,wav"
)
_READ_SIZE = 1 << 17
_MOST_PIXELS = 8192 * 4608
"""8K, with what coders add at the edges. A few kilobytes can claim to be a picture of gigabytes."""
_ALWAYS_TAKEN = 3840 * 2160
_EDGE = 64
_NOT_MOVING = Disposition.attached_pic | Disposition.timed_thumbnails
_STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("12", "15", "24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60", "120", "240")
)
_FALLBACK_RATE = Fraction(25)
_LOWEST_RATE, _HIGHEST_RATE = 1, 300
_LONGEST = 1000 * 3600.0
"""Seconds. A header that says more, or no number, says nothing."""
_NARROWEST = 20
"""How many times as long as the short side of a picture the other may be."""
_PQ, _HLG = 16, 18
_TRIES = 64
_WEBP_MOVES = 2
"""Bit of a WebP's flags."""
_MOST_STREAMS = 64
_BAD_PACKETS, _PACKETS = 64, 10_000
"""Of a track until it counts as broken, and of all until those that said nothing count as empty."""
_MOST_REMEMBERED = 512

_T = TypeVar("_T")


class _Remembered(Generic[_T]):
    """What was found out about files, until they change. For many threads."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, int], _T] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, find: Callable[[Path], _T]) -> _T:
        """What ``find`` says of the file, asked once.

        Raises:
            OSError: the file is not there.
        """
        state = path.stat()
        key = (str(path.absolute()), state.st_ino, state.st_size, state.st_mtime_ns)
        with self._lock:
            if key in self._found:
                return self._found[key]
        found = find(path)
        with self._lock:
            self._found[key] = found
            while len(self._found) > _MOST_REMEMBERED:
                del self._found[next(iter(self._found))]
        return found


_judged: Final[_Remembered[bool]] = _Remembered()
_sounds: Final[_Remembered[int | None]] = _Remembered()


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A video as it is shown.

    ``width`` and ``height`` in pixels, turned as the file asks and with square pixels; ``rate`` the average frames a
    second; ``duration`` in seconds and ``frames`` an estimate, None where the file does not say; ``rotation`` the
    degrees clockwise by which the stored picture is turned to be shown; ``codec`` and ``audio`` FFmpeg's names,
    ``audio`` that of the track that is used, None for a silent file
    and where no track can be decoded; ``hdr`` whether the pictures are PQ or HLG.
    """

    width: int
    height: int
    rate: Fraction
    duration: float | None
    frames: int | None
    rotation: int
    codec: str
    audio: str | None
    hdr: bool


@dataclass(frozen=True, slots=True)
class Source:
    """What a reader needs beside :class:`VideoInfo`: when the first picture is (seconds on the file's clock), how it is shown,
    and whether the file has any track of sound, be it one that cannot be decoded."""

    info: VideoInfo
    origin: Fraction
    shape: Shape
    has_sound: bool


def probe(path: Path) -> VideoInfo:
    """Open ``path``, decode its first picture and tell what it is.

    Raises:
        NotAVideo: missing, empty, no video, sound only, or not one picture that can be decoded.
        OverLimit: pictures above 8K, or of a line's shape.
    """
    return examine(path).info


def examine(path: Path) -> Source:
    """:func:`probe`, with what a reader needs beside it. Raises as it does."""
    _look_first(path)
    return _source_of(_ask("examine", path, sound=playable_sound(path)))


def examine_here(path: Path, sound: int | None) -> Source:
    """:func:`examine` in this process, of a file whose claims are believed; ``sound`` is the track that is used."""
    with open_container(path) as container:
        stream = video_stream(container, path)
        picture = _first_picture(container, stream, path)
        shape = shape_of(picture, stream)
        info = _describe(container, stream, picture, shape, sound)
        _refuse_shape(info, path)
        return Source(info, _origin(picture, stream), shape, bool(container.streams.audio))


def source_as_json(source: Source) -> dict[str, Any]:
    """What :func:`_source_of` takes."""
    found = asdict(source)
    for fraction, of in (("rate", found["info"]), ("origin", found), ("aspect", found["shape"])):
        of[fraction] = str(of[fraction])
    return found


def _source_of(found: dict[str, Any]) -> Source:
    info, shape = found["info"], found["shape"]
    return Source(
        VideoInfo(**info | {"rate": Fraction(info["rate"])}),
        Fraction(found["origin"]),
        Shape(**shape | {"aspect": Fraction(shape["aspect"])}),
        found["has_sound"],
    )


def stated_size(path: Path) -> tuple[int, int]:
    """(width, height) of the pictures as the file says, before any is decoded. Raises as :func:`probe` does."""
    _look_first(path)
    width, height = _ask("size", path)
    return width, height


def clock_start(path: Path) -> Fraction:
    """Seconds on the clock of ``path`` that count as its time 0: its first picture, else its first sound.

    Raises:
        NotAVideo: as :func:`opened` does.
    """
    _look_first(path)
    return Fraction(_ask("start", path))


def start_here(path: Path) -> Fraction:
    """:func:`clock_start` in this process."""
    with open_container(path) as container:
        if any(not stream.disposition & _NOT_MOVING for stream in container.streams.video):
            with contextlib.suppress(NotAVideo):
                stream = video_stream(container, path)
                return _origin(_first_picture(container, stream, path), stream)
        return Fraction(container.start_time or 0, av.time_base)


def playable_sound(path: Path) -> int | None:
    """Index of the track whose sound is used: the first of which something can be decoded, default ones first. None without.

    A track may be of a kind for which there is no decoder, as the second one of an iPhone, or locked, empty or broken: only
    decoding tells.

    Raises:
        NotAVideo: as :func:`opened` does.
    """
    _look_first(path)
    try:
        return _sounds.of(path, lambda path: _ask("sound", path))
    except OSError as error:
        raise NotAVideo(f"{path.name} cannot be opened: {error.strerror or error}.") from error


def find_sound(path: Path) -> int | None:
    """:func:`playable_sound` in this process."""
    plays: set[int] = set()
    with open_container(path) as container, contextlib.suppress(av.FFmpegError):
        with_decoder = [track for track in container.streams.audio if track.codec_context is not None]
        tracks = sorted(with_decoder, key=lambda track: not track.disposition & Disposition.default)
        for other in container.streams:
            if other not in tracks:
                other.discard = Discard.all
        chances = dict.fromkeys((track.index for track in tracks), _BAD_PACKETS)
        for packet in itertools.islice(container.demux(tracks), _PACKETS) if tracks else ():
            track = packet.stream.index
            if track not in plays and chances[track]:
                chances[track] -= 1
                with contextlib.suppress(av.FFmpegError):
                    if packet.decode():
                        plays.add(track)
            first = next((track for track, left in chances.items() if left or track in plays), None)
            if first is None or first in plays:
                return first
        return next((track for track in chances if track in plays), None)
    return None


def _ask(call: str, path: Path, **arguments: Any) -> Any:
    """What the decoder's process answers of a file; one that ends it cannot be decoded."""
    try:
        return decoder.ask(call, path=str(path.absolute()), **arguments)
    except DecoderEnded as error:
        raise NotAVideo(_undecodable(path)) from error


def _look_first(path: Path) -> None:
    """Refuse what is no file, or says to hold more than it can."""
    _refuse_hopeless(path)
    _refuse_false_claims(path)


def _refuse_shape(info: VideoInfo, path: Path) -> None:
    """Refuse what grows out of bounds when it is put beside something else, or its pixels are made square."""
    short, long = sorted((info.width, info.height))
    if long > _NARROWEST * short or info.width * info.height > _MOST_PIXELS:
        raise OverLimit(
            f"{path.name} has pictures of {info.width}×{info.height}, which cannot show a person: choose another video."
        )


def _origin(picture: Picture, stream: VideoStream) -> Fraction:
    base = picture.time_base or stream.time_base
    return picture.pts * base if picture.pts is not None and base else Fraction(0)


@contextlib.contextmanager
def opened(path: Path, formats: str = _FORMATS) -> Iterator[InputContainer]:
    """``path`` open for reading, by its content alone: no other file is touched whatever it names.

    ``formats`` are FFmpeg's names of the demuxers that may read it.

    Raises:
        NotAVideo: missing, empty, nothing FFmpeg can read, or it says to hold more than it can.
    """
    _look_first(path)
    with open_container(path, formats) as container:
        yield container


@contextlib.contextmanager
def open_container(path: Path, formats: str = _FORMATS) -> Iterator[InputContainer]:
    """:func:`opened`, of a file that is known to be there and whose claims are believed."""
    # Through a Python file FFmpeg neither guesses from the name (a%03d.png, http:...) nor needs a protocol.
    with path.open("rb") as file:
        options = {"format_whitelist": formats, "protocol_whitelist": "none", "max_streams": str(_MOST_STREAMS)}
        try:
            container = av.open(
                file,
                "r",
                options={"max_pixels": str(_MOST_PIXELS)},
                container_options=options,
                metadata_errors="replace",
                buffer_size=_READ_SIZE,
            )
        except (av.FFmpegError, ValueError) as error:
            raise NotAVideo(_why_unreadable(path)) from error
        with container:
            yield container


def _refuse_false_claims(path: Path) -> None:
    """Refuse what would take FFmpeg more memory than the file has a reason to."""
    try:
        good = _judged.of(path, _is_honest)
    except OSError as error:
        raise NotAVideo(f"{path.name} cannot be opened: {error.strerror or error}.") from error
    if not good:
        raise NotAVideo(_undecodable(path))


def _is_honest(path: Path) -> bool:
    claims = read_claims(path)
    return claims == "plain" or (claims == "unknown" and _opens(path))


def _opens(path: Path) -> bool:
    """Whether FFmpeg opens ``path``, or refuses it, without more memory and time than a file of its size has need of."""
    try:
        return bool(decoder.ask("opens", path=str(path.absolute())))
    except DecoderEnded:
        return False


def _undecodable(path: Path) -> str:
    return f"Not one picture of {path.name} can be decoded: copy or download it again."


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to look at: FFmpeg's best one that moves; cover art is none.

    Raises:
        NotAVideo: there is none, or no decoder for it.
        OverLimit: its pictures would fill the memory.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & _NOT_MOVING]
    if not moving:
        held = "holds sound but no picture" if container.streams.audio else "holds no picture"
        raise NotAVideo(f"{path.name} {held}: choose a video.")
    best = container.streams.best("video")
    stream = next((stream for stream in moving if best is not None and stream.index == best.index), moving[0])
    if stream.codec_context is None:
        raise NotAVideo(f"{path.name} is coded in a way that cannot be decoded here: convert it to H.264 first.")
    if stream.width * stream.height > _MOST_PIXELS:
        raise OverLimit(f"{path.name} has pictures of {stream.width}x{stream.height}, too large for here: shrink it.")
    # pictures may change their size on the way, but not grow from a thumbnail to what fills the memory
    most = max((stream.width + _EDGE) * (stream.height + _EDGE), _ALWAYS_TAKEN)
    stream.codec_context.options = {"max_pixels": str(min(most, _MOST_PIXELS))}
    return stream


def _refuse_hopeless(path: Path) -> None:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise NotAVideo(f"{path.name} is a folder: choose a video file.")
        if not path.is_file():
            raise NotAVideo(f"{path.name} is not a file: choose a video file.")
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError as error:
        raise NotAVideo(f"There is no file {path}.") from error
    except OSError as error:
        raise NotAVideo(f"{path.name} cannot be opened: {error.strerror or error}.") from error
    if size == 0:
        raise NotAVideo(f"{path.name} is empty: copy or download it again.")
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20] & _WEBP_MOVES:
        raise NotAVideo(f"{path.name} is an animated WebP, which cannot be read here: save it as a GIF or an MP4.")


def _why_unreadable(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith((b"#EXTM3U", b"ffconcat")):
        return f"{path.name} is a list of other files, not a video: choose the video itself."
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return f"{path.name} was cut off before its index was written and cannot be read: copy or download it again."
    return f"{path.name} is not a video that can be read."


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> Picture:
    """The first picture that decodes. FFmpeg's own damage at the start is stepped over, within reason."""
    failures = 0
    try:
        for packet in container.demux(stream):
            try:
                for picture in packet.decode():
                    return picture
            except av.FFmpegError:
                failures += 1
                if failures > _TRIES:
                    break
    except av.FFmpegError:
        with contextlib.suppress(av.FFmpegError):
            for picture in stream.decode(None):
                return picture
    raise NotAVideo(_undecodable(path))


def _describe(
    container: InputContainer, stream: VideoStream, picture: Picture, shape: Shape, sound: int | None
) -> VideoInfo:
    width, height = shape.shown
    rate, duration = _rate(stream), stated_duration(container, stream)
    frames = stream.frames or (round(duration * rate) if duration else None)
    return VideoInfo(
        width=width,
        height=height,
        rate=rate,
        duration=duration,
        frames=frames,
        rotation=-shape.turns * 90 % 360,
        codec=stream.codec_context.codec.canonical_name,
        audio=None if sound is None else container.streams[sound].codec_context.codec.canonical_name,
        hdr=picture.color_trc in (_PQ, _HLG),
    )


def _rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            # Clocks of cameras are a little off; 29.97003 is meant to be 30000/1001.
            return next((standard for standard in _STANDARD_RATES if abs(standard - rate) < rate / 10_000), rate)
    return _FALLBACK_RATE


def stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds of the stream as the file says, None where it does not, or says what cannot be."""
    said = (
        float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None,
        _clock(stream.metadata.get("DURATION", "")),
        container.duration / av.time_base if container.duration else None,
    )
    # a comparison with what is no number is never true
    return next((seconds for seconds in said if seconds is not None and 0 < seconds <= _LONGEST), None)


def _clock(text: str) -> float | None:
    """Matroska's "00:01:02.500000000" in seconds."""
    try:
        hours, minutes, seconds = text.split(":")
        return float(hours) * 3600 + float(minutes) * 60 + float(seconds)
    except ValueError:
        return None
