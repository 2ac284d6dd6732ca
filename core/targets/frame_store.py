"""The performer's footage on disk: H.264 in short groups of pictures, written once, read in any order.

Decoded frames of half a minute take half a gigabyte, so they are decoded when asked for. Every group starts with a
keyframe and has no B-frames: one packet gives one picture at once, and any frame is at most a group of decoding away.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame as CodedFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from core.errors import NotAVideo, OutputFailed, PackInvalid, TargetNotFound
from core.types import Alpha, Frame
from core.video.colour import EXACT
from core.video.probe import opened

GROUP: Final = 6
MAX_GROUP: Final = 48
_EDGE: Final = 64
"""Pixels that a coder may add to either side."""
DEFAULT_BUDGET: Final = 24 << 20
_MOST_VERIFIED: Final = 2500


@dataclass(frozen=True, slots=True)
class _Packet:
    offset: int
    size: int
    key: int


class _Store:
    """Random access to the coded pictures of one file: one decoder, one lock, an LRU of decoded (still planar) ones."""

    def __init__(self, path: Path, size: tuple[int, int], budget: int) -> None:
        self.path = path
        self.width, self.height = size
        self._lock = threading.Lock()
        self._packets, self._extradata = _index(path, size)
        self._file = path.open("rb")
        # a store that is let go of is not always closed by hand
        weakref.finalize(self, self._file.close)
        self._decoder = self._new_decoder()
        self._next = 0
        self._kept: OrderedDict[int, CodedFrame] = OrderedDict()
        longest = max(index - packet.key for index, packet in enumerate(self._packets)) + 1
        self._most_kept = max(budget // (self.width * self.height * 3 // 2), longest)

    def __len__(self) -> int:
        return len(self._packets)

    def verify(self) -> None:
        """Decode the pictures once: all of them, or where there are very many, groups spread over the file.

        Raises:
            PackInvalid: one of them cannot be decoded, or only with holes.
        """
        keys = sorted({packet.key for packet in self._packets})
        most = max(_MOST_VERIFIED * len(keys) // len(self), 1)
        chosen = {keys[round(place)] for place in np.linspace(0, len(keys) - 1, min(most, len(keys)))}
        for index, packet in enumerate(self._packets):
            if packet.key in chosen:
                with self._lock:
                    damaged = self._coded(index).is_corrupt
                if damaged:
                    raise PackInvalid(f"Frame {index} of {self._where()} is damaged.")

    @property
    def held_bytes(self) -> int:
        """Of the decoded pictures that are kept just now."""
        return len(self._kept) * self.width * self.height * 3 // 2

    def close(self) -> None:
        """Close the file and forget what was decoded."""
        with self._lock:
            self._file.close()
            self._kept.clear()

    def _new_decoder(self) -> av.VideoCodecContext:
        decoder = av.VideoCodecContext.create("h264", "r")
        decoder.extradata = self._extradata
        # threads would hold frames back to work ahead; here every packet must give its picture before the next is sent
        decoder.thread_count = 1
        # a packet may bring another size than the file's header has
        decoder.options = {"max_pixels": str((self.width + _EDGE) * (self.height + _EDGE))}
        return decoder

    def _coded(self, index: int) -> CodedFrame:
        """The picture of frame ``index``; the caller holds the lock."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        start = self._packets[index].key
        if start <= self._next <= index:
            start = self._next
        else:
            self._decoder.flush_buffers()
        for position in range(start, index + 1):
            self._kept[position] = self._decode(position)
            self._kept.move_to_end(position)
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        return self._kept[index]

    def _decode(self, position: int) -> CodedFrame:
        if self._file.closed:
            raise TargetNotFound("This performer is no longer here: choose another one.")
        packet = self._packets[position]
        self._next = -1  # should decoding fail half way, the next request starts at a keyframe again
        try:
            self._file.seek(packet.offset)
            pictures = self._decoder.decode(av.Packet(self._file.read(packet.size)))
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise PackInvalid(f"Frame {position} of {self._where()} cannot be decoded.") from error
        if len(pictures) != 1 or (pictures[0].width, pictures[0].height) != (self.width, self.height):
            raise PackInvalid(f"Frame {position} of {self._where()} is not one {self.width}×{self.height} picture.")
        self._next = position + 1
        return pictures[0]

    def _where(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    def _checked(self, index: int) -> int:
        count = len(self._packets)
        if not -count <= index < count:
            raise IndexError(f"frame {index} of {count}")
        return index % count


class FrameStore(_Store):
    """The frames of a performer as a sequence: ``store[i]`` is (height, width, 3) uint8 RGB, the caller's own copy.

    Any thread may ask for any frame. Going forward decodes one picture a frame; a jump decodes at most one group.

    Args:
        path: an H.264 file as :class:`FootageWriter` makes it.
        size: (width, height) that every frame must have.
        budget: bytes of decoded pictures to keep; one group is always kept, so that going backwards is cheap too.

    Raises:
        PackInvalid: no such file, or one that was not written for random access.
    """

    def __init__(self, path: Path, size: tuple[int, int], budget: int = DEFAULT_BUDGET) -> None:
        super().__init__(path, size, budget)
        # one for the store: a picture that converts itself keeps a scaler of its own, with a thread for every core
        self._scaler = VideoReformatter()

    def __getitem__(self, index: int) -> Frame:
        index = self._checked(index)
        with self._lock:
            picture = self._scaler.reformat(
                self._coded(index),
                format="rgb24",
                src_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.MPEG,
                interpolation=EXACT,
                threads=1,
            )
        return cast(Frame, picture.to_ndarray())

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))


_FLATTENED: Final = np.clip((np.arange(256) - 6) * 255 / (246 - 6) + 0.5, 0, 255).astype(np.uint8)


class MaskStore(_Store):
    """The soft masks of a performer's frames: ``store[i]`` is (height, width) uint8, 255 where the person is.

    As :class:`FrameStore` in everything else.
    """

    def __init__(self, path: Path, size: tuple[int, int], budget: int = DEFAULT_BUDGET // 2) -> None:
        super().__init__(path, size, budget)

    def __getitem__(self, index: int) -> Alpha:
        index = self._checked(index)
        with self._lock:
            plane = self._coded(index).planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(self.height, plane.line_size)
            # H.264 leaves a few levels of noise on both flats, which would let the stage shine through the person
            mask: Alpha = _FLATTENED[rows[:, : self.width]]
        return mask

    def __iter__(self) -> Iterator[Alpha]:
        return (self[index] for index in range(len(self)))


class FootageWriter:
    """Writes frames (or masks) so that a store can read them in any order. Used as a context manager.

    Args:
        path: the file to make; the caller gives it its place when it is whole.
        size: (width, height), even.
        rate: frames a second.
        masks: take (height, width) masks, kept as they are in full-range grey, instead of RGB frames.
        crf: x264's quality; lower is better and larger.

    Raises:
        OutputFailed: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        rate: Fraction,
        *,
        masks: bool = False,
        crf: float = 20.0,
        preset: str = "medium",
    ) -> None:
        self._path = path
        self._size = size
        self._masks = masks
        self._scaler = VideoReformatter()
        self._written = 0
        try:
            self._container = av.open(path, "w", format="mp4", options={"movflags": "+faststart"})
        except (OSError, av.error.FFmpegError) as error:
            raise OutputFailed(f"{path.name} cannot be written: {error.strerror}.") from error
        options = {
            "crf": str(crf),
            "preset": preset,
            "x264-params": f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:bframes=0:open-gop=0:rc-lookahead={GROUP}",
        }
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "gray" if masks else "yuv420p"
        context = self._stream.codec_context
        context.color_range = ColorRange.JPEG if masks else ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709, in all three of FFmpeg's lists
        self._time_base = 1 / rate

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Add the next frame, (height, width, 3), or mask, (height, width)."""
        width, height = self._size
        wanted = (height, width) if self._masks else (height, width, 3)
        if picture.shape != wanted:
            raise ValueError(f"this file takes pictures of {wanted}, not {picture.shape}")
        coded = CodedFrame.from_ndarray(np.ascontiguousarray(picture), format="gray" if self._masks else "rgb24")
        if not self._masks:
            coded = self._scaler.reformat(
                coded,
                format="yuv420p",
                threads=1,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
            )
        coded.pts, coded.time_base = self._written, self._time_base
        self._mux(coded)
        self._written += 1

    def close(self) -> None:
        """Finish the file."""
        self._mux(None)
        try:
            self._container.close()
        except (OSError, av.error.FFmpegError) as error:
            raise self._failed(error) from error

    def _mux(self, coded: CodedFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(coded))
        except (OSError, av.error.FFmpegError) as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError | av.error.FFmpegError) -> OutputFailed:
        return OutputFailed(f"{self._path.name} could not be written: {error.strerror}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._container.close()  # the error on its way says more


def _index(path: Path, size: tuple[int, int]) -> tuple[list[_Packet], bytes]:
    """Where every packet lies in the file and which keyframe it needs; and the decoder's parameters."""
    where = path.name
    try:
        # the format is named, or a text that FFmpeg takes for a playlist could make it open other files
        with opened(path, formats="mov,mp4") as container:
            if not container.streams.video:
                raise PackInvalid(f"{where} holds no video.")
            stream = container.streams.video[0]
            context = stream.codec_context
            # FFmpeg leaves none where it knows no decoder for what the file names
            if context is None or context.name != "h264" or (context.width, context.height) != size:
                raise PackInvalid(f"{where} is not H.264 of {size[0]}×{size[1]} as the manifest says.")
            extradata = context.extradata or b""
            raw = [(p.pos, p.size, p.is_keyframe, p.pts, p.dts) for p in container.demux(stream) if p.size]
    except (OSError, av.error.FFmpegError, NotAVideo) as error:
        raise PackInvalid(f"{where} cannot be read as a video.") from error
    return _checked_packets(raw, where), extradata


def _checked_packets(raw: list[tuple[int | None, int, bool, int | None, int | None]], where: str) -> list[_Packet]:
    packets: list[_Packet] = []
    key = 0
    for index, (offset, size, is_key, pts, dts) in enumerate(raw):
        key = index if is_key else key
        if offset is None or pts != dts or index - key >= MAX_GROUP:
            raise PackInvalid(f"{where} was not written for random access: build the performer again from its video.")
        packets.append(_Packet(offset, size, key))
    if not packets or not raw[0][2]:
        raise PackInvalid(f"{where} holds no frames.")
    return packets
