from __future__ import annotations

import random
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest
from av.video.reformatter import ColorRange, Colorspace

from core.errors import OutputFailed, PackInvalid
from core.targets.frame_store import FootageWriter, FrameStore, MaskStore
from core.video.colour import EXACT
from core.video.reader import VideoReader
from tests.targets.material import SIZE, number_of, numbered

COUNT = 80


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "frames.mp4"
    with FootageWriter(path, SIZE, Fraction(25)) as writer:
        for index in range(COUNT):
            writer.write(numbered(index))
    return path


@pytest.mark.parametrize("budget", [0, 10**9])
@pytest.mark.parametrize("order", ["forward", "backward", "shuffled"])
def test_frame_i_is_frame_i_in_any_order(footage: Path, order: str, budget: int) -> None:
    store = FrameStore(footage, SIZE, budget)
    wanted = list(range(COUNT))
    if order == "backward":
        wanted.reverse()
    elif order == "shuffled":
        random.Random(0).shuffle(wanted)
    assert [number_of(store[index]) for index in wanted] == wanted


def test_a_store_is_a_sequence(footage: Path) -> None:
    store = FrameStore(footage, SIZE)
    assert len(store) == COUNT
    assert number_of(store[-1]) == COUNT - 1
    assert [number_of(frame) for frame in store] == list(range(COUNT))
    with pytest.raises(IndexError):
        store[COUNT]


def test_decoded_frames_are_not_all_kept(footage: Path) -> None:
    store = FrameStore(footage, SIZE, budget=0)
    for _ in store:
        pass
    assert len(store._kept) <= 6


def test_frames_are_close_to_what_was_written_and_the_callers_own(footage: Path) -> None:
    store = FrameStore(footage, SIZE)
    first = store[11]
    assert first.flags.writeable
    assert np.abs(first.astype(int) - numbered(11)).mean() < 4
    first[:] = 0
    assert number_of(store[11]) == 11


def _threads() -> int:
    """Threads of this process, native ones too."""
    return psutil.Process().num_threads()


@pytest.mark.parametrize("kind", [FrameStore, MaskStore])
def test_frames_that_are_kept_hold_no_threads(footage: Path, kind: type[FrameStore | MaskStore]) -> None:
    first, second = kind(footage, SIZE, 10**9), kind(footage, SIZE, 10**9)
    first[0]
    before = _threads()
    for index in range(COUNT):
        first[index]
        second[index]
    assert len(second._kept) == COUNT
    assert _threads() <= before + 1


def test_a_frame_is_the_same_as_when_the_picture_converts_itself(footage: Path) -> None:
    store = FrameStore(footage, SIZE)
    alone = store._coded(7).to_ndarray(
        format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range=ColorRange.MPEG, interpolation=EXACT
    )
    assert np.array_equal(store[7], alone)


def test_footage_is_as_bright_as_what_was_written(tmp_path: Path) -> None:
    """FFmpeg's usual conversion takes a grey level away from everything."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (128, 128), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "b.mp4"
    with FootageWriter(path, (128, 128), Fraction(25)) as writer:
        writer.write(np.asarray(picture, np.uint8))
    for read in (FrameStore(path, (128, 128))[0], next(iter(VideoReader(path))).image):
        assert np.abs((read.astype(float) - picture).mean((0, 1))).max() < 0.5


@pytest.mark.parametrize("colour", [(200, 30, 60), (0, 0, 0), (255, 255, 255), (20, 220, 40)])
def test_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    path = tmp_path / "c.mp4"
    with FootageWriter(path, (32, 32), Fraction(25)) as writer:
        writer.write(np.full((32, 32, 3), colour, np.uint8))
    assert np.abs(FrameStore(path, (32, 32))[0].astype(int) - colour).max() <= 4


def test_masks_keep_their_full_range(tmp_path: Path) -> None:
    path = tmp_path / "m.mp4"
    ramp = np.tile(np.arange(256, dtype=np.uint8), (32, 1))
    with FootageWriter(path, (256, 32), Fraction(25), masks=True) as writer:
        writer.write(ramp)
    mask = MaskStore(path, (256, 32))[0]
    assert mask.shape == (32, 256)
    assert np.abs(mask.astype(int) - ramp).max() <= 12
    # both ends are flat, so that neither the stage shines through the person nor the person through the stage
    assert (mask[:, 250:] == 255).all()
    assert (mask[:, :3] == 0).all()


def test_several_threads_may_ask_at_once(footage: Path) -> None:
    store = FrameStore(footage, SIZE, budget=0)
    wrong: list[int] = []

    def ask(seed: int) -> None:
        for index in random.Random(seed).choices(range(COUNT), k=60):
            if number_of(store[index]) != index:
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_another_size_is_refused(footage: Path) -> None:
    with pytest.raises(PackInvalid, match="as the manifest says"):
        FrameStore(footage, (64, 64))


def test_a_video_with_b_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "g": "200"})
        stream.width, stream.height = SIZE
        rng = np.random.default_rng(0)
        for _ in range(30):
            picture = rng.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    with pytest.raises(PackInvalid, match="random access"):
        FrameStore(path, SIZE)


def test_a_playlist_with_a_videos_name_opens_nothing(tmp_path: Path, footage: Path) -> None:
    path = tmp_path / "frames.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{footage}'\n")
    with pytest.raises(PackInvalid, match="cannot be read"):
        FrameStore(path, SIZE)


def test_a_damaged_frame_is_named_and_the_rest_still_reads(footage: Path, tmp_path: Path) -> None:
    store = FrameStore(footage, SIZE)
    damaged = tmp_path / "frames.mp4"
    content = bytearray(footage.read_bytes())
    packet = store._packets[13]
    content[packet.offset : packet.offset + packet.size] = bytes(packet.size)
    damaged.write_bytes(content)
    broken = FrameStore(damaged, SIZE)
    with pytest.raises(PackInvalid, match="Frame 13"):
        broken[13]
    assert number_of(broken[12]) == 12
    assert number_of(broken[40]) == 40


def test_wrong_shapes_and_places_are_refused(tmp_path: Path) -> None:
    with FootageWriter(tmp_path / "f.mp4", SIZE, Fraction(25)) as writer:
        writer.write(numbered(0))
        with pytest.raises(ValueError, match="takes pictures of"):
            writer.write(np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(OutputFailed), FootageWriter(tmp_path / "nowhere" / "f.mp4", SIZE, Fraction(25)) as writer:
        writer.write(numbered(0))
