"""A whole connection without a browser: WebRTC as aiortc speaks it, streamlit-webrtc's own worker, a live session between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame as Picture
from streamlit_webrtc import WebRtcMode
from streamlit_webrtc.webrtc import WebRtcWorker

from core import paths
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.live.live_settings import LiveSettings
from core.live.stream_limiter import StreamLimiter
from core.targets.store import Target, load_target
from core.types import Frame
from core.ui.live_stream import MirrorStream
from core.ui.webrtc import MirrorTrack
from tests.live.camera import TICKS, dance_frames, picture, tone
from tests.media import loudness, sound_seconds
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.skipif(not paths.BUNDLED_PERFORMERS.is_dir(), reason="the bundled performers are not here")

RATE = 12.0
CELL, BITS = 40, 10
SIDE_BY_SIDE = LiveSettings("theo", "nearest", layout="side-by-side", flip=False)


@lru_cache(maxsize=2)
def cast(performer: str, generator: str) -> tuple[Target, Generator]:
    target = load_target(performer)
    return target, create_generator(generator, target)


def numbered(image: Frame, number: int) -> Frame:
    """``image`` with its number in squares along its top."""
    image = image.copy()
    for bit in range(BITS):
        image[:CELL, bit * CELL : (bit + 1) * CELL] = 235 if number >> bit & 1 else 16
    return image


def number_in(shown: Frame) -> int:
    """The number of the camera picture at the left of ``shown``, which is as high as 384 pixels of its 480."""
    cell = CELL * 384 / 480
    middles = [shown[round(cell / 2), round((bit + 0.5) * cell)].mean() > 128 for bit in range(BITS)]
    return sum(1 << bit for bit, light in enumerate(middles) if light)


class Camera(MediaStreamTrack):
    """A webcam; remembers when it gave each picture."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[int, float] = {}

    async def recv(self) -> Picture:
        if self.readyState != "live":
            raise MediaStreamError
        number = len(self.given)
        if not number:
            self.start = monotonic()
        await asyncio.sleep(max(0.0, self.start + number / RATE - monotonic()))
        frames = dance_frames()
        made = picture(numbered(frames[number % len(frames)], number), number, RATE)
        made.pts, made.time_base = round(number * TICKS / RATE), Fraction(1, TICKS)
        self.given[number] = monotonic()
        return made


class Microphone(MediaStreamTrack):
    """Somebody who whistles."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        if not self._count:
            self._start = monotonic()
        await asyncio.sleep(max(0.0, self._start + self._count / 50 - monotonic()))
        self._count += 1
        return tone(self._count)


class Browser:
    """The other end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, relay: MediaRelay) -> None:
        self.loop, self.relay = loop, relay
        self.seen: list[tuple[float, Frame]] = []
        self.camera: Camera | None = None
        self.peer: RTCPeerConnection | None = None
        self.worker: Any = None

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def connect(self, stream: MirrorStream, *, whistles: bool = False) -> None:
        offer = self.run(self._offer(whistles))
        worker: Any = WebRtcWorker
        nothing = dict.fromkeys(
            ("source_audio_track", "player_factory", "in_recorder_factory", "out_recorder_factory", "video_frame_callback",
             "audio_frame_callback", "queued_video_frames_callback", "queued_audio_frames_callback", "on_video_ended",
             "on_audio_ended", "video_processor_factory", "audio_processor_factory", "rtc_configuration")
        )  # fmt: skip
        self.worker = worker(
            mode=WebRtcMode.SENDRECV, source_video_track=stream.track, sink_video_track=stream.camera,
            sink_audio_track=stream.microphone, async_processing=True, video_receiver_size=4, audio_receiver_size=4,
            sendback_video=True, sendback_audio=True, loop=self.loop, relay=self.relay, **nothing,
        )  # fmt: skip
        answer = self.worker.process_offer(offer.sdp, offer.type, timeout=PATIENCE)
        self.run(self._accept(answer))

    async def _offer(self, whistles: bool) -> RTCSessionDescription:
        self.peer = RTCPeerConnection()
        self.camera = Camera()
        self.peer.addTrack(self.camera)
        if whistles:
            self.peer.addTrack(Microphone())
        self.peer.on("track", lambda track: asyncio.ensure_future(self._watch(track)))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription

    async def _accept(self, answer: RTCSessionDescription) -> None:
        assert self.peer is not None
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.sdp, answer.type))

    async def _watch(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                assert track.kind == "video", "nobody is to hear themselves"
                self.seen.append((monotonic(), frame.to_ndarray(format="rgb24")))
        except MediaStreamError:
            return

    def leave(self) -> None:
        """Close the page."""
        if self.peer is not None:
            self.run(self.peer.close())


@pytest.fixture
def come() -> Iterator[Callable[[], Browser]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="event-loop", daemon=True)
    thread.start()

    async def make_relay() -> MediaRelay:
        return MediaRelay()

    relay = asyncio.run_coroutine_threadsafe(make_relay(), loop).result(PATIENCE)
    browsers: list[Browser] = []

    def arrive() -> Browser:
        browsers.append(Browser(loop, relay))
        return browsers[-1]

    yield arrive
    for browser in browsers:
        browser.leave()
        if browser.worker is not None:
            browser.worker.stop()
    asyncio.run_coroutine_threadsafe(drop_tasks(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()


async def drop_tasks() -> None:
    """End what the libraries leave behind on the loop."""
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def live_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("live-")]


def test_pictures_come_back_in_order_and_all_is_freed(come: Callable[[], Browser]) -> None:
    room, browser = StreamLimiter(2), come()
    stream = MirrorStream(room, cast, SIDE_BY_SIDE)
    browser.connect(stream)
    assert room.taken == 1

    def numbers() -> list[tuple[float, int]]:
        return [(at, number_in(image)) for at, image in browser.seen[5:] if image.shape == (384, 896, 3)]

    # a picture stays up until there is another one
    until(lambda: len({number for _, number in numbers()}) > 15, every=0.2)

    assert stream.connecting_seconds is None
    assert browser.camera is not None
    given = browser.camera.given
    order = [number for _, number in numbers()]
    assert order == sorted(order)
    assert all(at > given[number] for at, number in numbers())
    right = browser.seen[-1][1][:, 512:].astype(int)
    assert np.abs(right - right.mean(axis=(0, 1))).mean() > 10, "nothing is shown of the performer"

    stream.wish(LiveSettings("theo", "nearest"))
    until(lambda: browser.seen[-1][1].shape == (512, 512, 3))

    browser.leave()
    until(lambda: not [name for name in live_threads() if name != "stream-limiter"])
    until(lambda: room.taken == 0)
    assert stream.over
    assert stream.ended is None
    room.close()


def test_the_microphone_is_in_the_recording(come: Callable[[], Browser], tmp_path: Path) -> None:
    room, browser = StreamLimiter(1), come()
    stream = MirrorStream(room, cast, LiveSettings("theo", "nearest"))
    browser.connect(stream, whistles=True)
    until(lambda: len(browser.seen) > 3 and stream.hears)
    assert stream.session is not None
    begun = monotonic()
    session = stream.session
    session.record(tmp_path / "mirror.mp4", sound=True, longest=60)
    until(lambda: (session.status().recording or 0) > 2)
    recorded = session.stop_recording()
    passed = monotonic() - begun
    stream.close()
    assert recorded is not None
    assert 0.5 < recorded.seconds <= passed + 0.1
    assert sound_seconds(recorded.path) == pytest.approx(recorded.seconds, abs=0.1)
    assert loudness(recorded.path) > 0.03
    room.close()


def test_who_finds_no_place_is_told(come: Callable[[], Browser]) -> None:
    room, browser = StreamLimiter(0), come()
    stream = MirrorStream(room, cast, SIDE_BY_SIDE)
    browser.connect(stream)
    until(lambda: stream.over)
    assert "dance live here just now" in (stream.ended or "")
    assert stream.session is None


def test_a_stream_that_ends_by_itself_gives_its_place_back(come: Callable[[], Browser]) -> None:
    room, browser = StreamLimiter(1), come()
    stream = MirrorStream(room, cast, LiveSettings("nobody-of-that-name", "nearest"))
    browser.connect(stream)
    until(lambda: room.free)
    assert stream.over
    assert "nobody-of-that-name" in (stream.ended or "")
    room.close()


def test_closing_one_that_never_began_does_no_harm() -> None:
    stream = MirrorStream(StreamLimiter(1), cast, SIDE_BY_SIDE)
    stream.close()
    stream.begin()
    assert stream.over
    assert stream.session is None
    assert not stream.running


def test_a_picture_is_sent_again_when_no_new_one_comes() -> None:
    from core.live.session import Shown

    async def watch() -> tuple[int, float]:
        track = MirrorTrack()
        begun = monotonic()
        delivered: list[Shown] = []
        track.on_delivered = delivered.append
        for n in (1, 2):
            track.offer(Shown(n, 0.0, np.full((64, 64, 3), 100 * n, np.uint8), None, None, True))
        # the same picture is stamped and sent twice: its first stamp has to be noted in between
        first = (await track.recv()).pts
        again = (await track.recv()).pts
        assert [shown.number for shown in delivered] == [2]
        assert first is not None
        assert again is not None
        waiting = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0.05)
        track.stop()
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(waiting, PATIENCE)
        return again - first, (monotonic() - begun) * TICKS

    later, passed = asyncio.run(watch())
    assert 0.8 * TICKS < later <= passed
