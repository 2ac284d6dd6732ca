from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core import paths
from core.bundled import dances
from core.errors import Cancelled, NotAVideo, OverLimit, UnusableInput
from core.targets.footage_check import FootageCheck, check_footage
from core.targets.store import load_target
from core.types import Frame
from core.video.reader import VideoReader
from tests.video.media import make_video

RATE = 4
"""Frames a second of the videos here: all of them are looked at."""


def frames_of(source: Path, every: float, count: int, side: int = 400) -> list[Frame]:
    with VideoReader(source, max_side=side, every=every) as reader:
        return [frame.image for frame in itertools.islice(reader, count)]


@pytest.fixture(scope="module")
def theo() -> list[Frame]:
    """132 frames from everywhere in footage that holds every move."""
    return frames_of(paths.BUNDLED_PERFORMERS / "theo" / "frames.mp4", 0.5, 132)


@pytest.fixture(scope="module")
def mira() -> list[Frame]:
    return frames_of(paths.BUNDLED_PERFORMERS / "mira" / "frames.mp4", 0.5, 24)


@pytest.fixture(scope="module")
def lina() -> list[Frame]:
    """Upright pictures."""
    source = dances.find("lina-disco")
    assert source is not None
    return frames_of(source, 0.5, 12, side=480)


def film(path: Path, pictures: Sequence[Frame], rotation: int = 0) -> Path:
    even = [picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2] for picture in pictures]
    return make_video(path, even, rate=RATE, rotation=rotation, options={"preset": "veryfast", "crf": "18"})


def looked_at(folder: Path, *films: Sequence[Frame]) -> FootageCheck:
    return check_footage([film(folder / f"part{place}.mp4", pictures) for place, pictures in enumerate(films)])


def only_problem(check: FootageCheck) -> str:
    """The one problem beside these films' shortness."""
    verdict = check.verdict
    assert verdict.level == "red"
    problems = [sentence for sentence in verdict.problems if "film at least" not in sentence]
    assert len(problems) == 1, problems
    return problems[0]


def only_limit(check: FootageCheck) -> str:
    """The one thing that limits it beside shortness."""
    verdict = check.verdict
    limits = [sentence for sentence in verdict.limits if "few moves" not in sentence]
    assert len(limits) == 1, limits
    return limits[0]


def test_good_footage_is_enough(theo: list[Frame], tmp_path: Path) -> None:
    shares: list[float] = []
    path = film(tmp_path / "me.mp4", theo)
    check = check_footage([path], progress=shares.append)
    assert check.seconds == 33
    assert check.samples == 132
    assert check.person == 1
    assert check.whole > 0.9
    assert check.several < 0.05
    assert check.stage is not None
    assert check.light > 100
    assert check.sharpness is not None
    assert check.sharpness > 0.1
    assert check.coverage.share > 0.8
    assert (check.parts[0].path, check.parts[0].size, check.parts[0].upright) == (path, (400, 400), False)
    assert [picture.shape for picture in check.pictures] == [(320, 320, 3)] * 6
    assert check.verdict.usable
    assert check.verdict.level == "green"
    assert check.verdict.headline == "This will do."
    assert (check.verdict.problems, check.verdict.limits) == ((), ())
    assert len(check.looks) == 60
    assert check.looks[0].image.shape == (320, 320, 3)
    assert check.verdict.advice[-1] == "Film more: 33 seconds will do, one to three minutes are better."
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_somebody_who_stands_there_is_told(theo: list[Frame], tmp_path: Path) -> None:
    check = looked_at(tmp_path, [theo[0]] * 124)
    assert check.verdict.level == "amber"
    assert "hardly move" in only_limit(check)


@pytest.mark.parametrize(("seconds", "level"), [(8, "red"), (12, "amber")])
def test_how_much_there_is_decides_what_is_promised(
    theo: list[Frame], tmp_path: Path, seconds: int, level: str
) -> None:
    verdict = looked_at(tmp_path, theo[:: 132 // (seconds * RATE)][: seconds * RATE]).verdict
    assert verdict.usable, "whatever there is may be gone on with"
    assert verdict.level == level


def test_footage_with_nobody_in_it(tmp_path: Path) -> None:
    wall = np.random.default_rng(0).integers(90, 160, (160, 240, 3), np.uint8)
    check = looked_at(tmp_path, [wall] * 6)
    assert check.person == 0
    assert check.sharpness is None
    assert check.verdict.problems == (
        "Nobody is in this footage: film yourself whole, from head to feet, facing the camera.",
    )
    assert not check.verdict.usable
    assert check.verdict.advice == ()
    assert len(check.faulty["nobody"]) == 4


def test_two_seconds_are_too_short(mira: list[Frame], tmp_path: Path) -> None:
    check = looked_at(tmp_path, mira[:8])
    assert check.verdict.problems == (
        "The footage is 2 seconds long: film at least 10 seconds, or better one to three minutes.",
    )


@pytest.mark.parametrize(("hours", "words"), [(2, "2 hours long and may be 10 minutes"), (0.25, "15 minutes long")])
def test_too_long_is_refused_before_it_is_looked_at(hours: float, words: str, tmp_path: Path) -> None:
    ends = make_video(
        tmp_path / "long.mp4",
        [np.zeros((64, 64, 3), np.uint8)] * 2,
        times=[Fraction(0), Fraction(hours * 3600)],
    )

    def looking(_: float) -> None:
        pytest.fail("it was looked at")

    with pytest.raises(OverLimit, match=words):
        check_footage([ends], progress=looking)


def test_too_long_together(tmp_path: Path) -> None:
    half = make_video(tmp_path / "half.mp4", [np.zeros((64, 64, 3), np.uint8)] * 2, times=[Fraction(0), Fraction(400)])
    with pytest.raises(OverLimit, match="all parts together"):
        check_footage([half, half])


class Pipe:
    """A file that cannot be rewound, as what a browser records: nothing of its length gets into its head."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


def test_too_long_where_the_file_does_not_say_so(tmp_path: Path) -> None:
    pipe = Pipe()
    with av.open(pipe, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for second in range(0, 700, 50):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
            picture.pts, picture.time_base = second, Fraction(1)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    path = tmp_path / "recorded.webm"
    path.write_bytes(pipe.written)
    with VideoReader(path) as reader:
        assert reader.info.duration is None
    with pytest.raises(OverLimit, match="may be 10 minutes"):
        check_footage([path])


def test_two_people(mira: list[Frame], theo: list[Frame], tmp_path: Path) -> None:
    both = [np.hstack([a[:, 60:340], b[:, 60:340]]) for a, b in zip(mira[:10], theo[:10], strict=True)]
    check = looked_at(tmp_path, both)
    assert check.several > 0.8
    assert "film one person alone" in only_problem(check)
    assert check.faulty["several"]


def test_a_hand_held_camera_is_as_good_as_a_still_one(mira: list[Frame], tmp_path: Path) -> None:
    moving = []
    for place, picture in enumerate(mira[:16]):
        left = round(20 + 20 * np.sin(place / 2))
        moving.append(picture[10:390, left : left + 360])
    check = looked_at(tmp_path, moving)
    assert check.stage is not None
    assert not any("studio" in limit for limit in check.verdict.limits)


def test_a_camera_that_runs_along_is_told(mira: list[Frame], tmp_path: Path) -> None:
    """Every picture another wall: the person is kept, the room is not."""
    with load_target("mira") as target:
        masks = [target.masks[round(i * 0.5 * float(target.rate))] for i in range(16)]
    rng = np.random.default_rng(0)
    running = []
    for picture, mask in zip(mira, masks, strict=False):
        wall = cv2.resize(rng.integers(0, 255, (20, 20, 3), np.uint8), (400, 400), interpolation=cv2.INTER_NEAREST)
        share = cv2.resize(mask, (400, 400))[..., None] / 255
        running.append((picture * share + wall * (1 - share)).astype(np.uint8))
    check = looked_at(tmp_path, running)
    assert check.person > 0.8
    assert check.stage is None
    assert any("plain studio" in limit for limit in check.verdict.limits)


def test_a_phone_that_is_held_upright(lina: list[Frame], tmp_path: Path) -> None:
    lying = [np.rot90(picture) for picture in lina]
    check = check_footage([film(tmp_path / "phone.mp4", lying, rotation=-90)])
    assert check.parts[0].upright
    assert check.parts[0].size == (270, 480)
    assert check.person == 1
    assert check.stage is not None
    assert check.whole > 0.9
    assert check.pictures[0].shape == (320, 180, 3)


def test_dark_and_blurred(mira: list[Frame], tmp_path: Path) -> None:
    dark = [(picture * 0.2).astype(np.uint8) for picture in mira[:6]]
    check = looked_at(tmp_path, dark)
    assert "too dark" in only_problem(check)
    assert len(check.faulty["dark"]) == 4
    blurred = [np.asarray(cv2.GaussianBlur(picture, (0, 0), 3.5), np.uint8) for picture in mira[:6]]
    check = looked_at(tmp_path, blurred)
    assert "blurred" in only_problem(check)
    assert check.faulty["blurred"]


def test_too_near(mira: list[Frame], tmp_path: Path) -> None:
    check = looked_at(tmp_path, [picture[:260] for picture in mira[:8]])
    assert check.cut["feet"] > 0.8
    problem = check.verdict.limits[0]
    assert problem.startswith("Your feet are out of the picture")
    assert problem.endswith("step back until you are seen from head to feet.")
    assert check.faulty["cut"]


def test_parts_that_belong_together(mira: list[Frame], tmp_path: Path) -> None:
    brighter = [np.clip(picture * 1.1, 0, 255).astype(np.uint8) for picture in mira[12:]]
    check = looked_at(tmp_path, mira[:12], brighter)
    assert check.seconds == 6
    assert check.stage is not None
    assert not any(part.elsewhere for part in check.parts)


def test_parts_that_do_not(mira: list[Frame], theo: list[Frame], lina: list[Frame], tmp_path: Path) -> None:
    check = looked_at(tmp_path, mira[:12], theo[:8])
    assert [part.elsewhere for part in check.parts] == [False, True]
    assert any("part1.mp4 shows another place" in sentence for sentence in check.verdict.limits)
    check = looked_at(tmp_path, mira[:12], lina[:6])
    assert not check.verdict.usable
    assert check.verdict.headline == "This cannot be used yet."
    assert check.verdict.problems[0].startswith("part1.mp4 is upright and part0.mp4 is square")


def test_stopping(mira: list[Frame], tmp_path: Path) -> None:
    path = film(tmp_path / "me.mp4", mira[:4])
    asked = itertools.count()
    with pytest.raises(Cancelled):
        check_footage([path], cancelled=lambda: next(asked) > 1)


def test_what_is_no_footage(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no footage"):
        check_footage([])
    (tmp_path / "words.mp4").write_text("hello")
    with pytest.raises(NotAVideo):
        check_footage([tmp_path / "words.mp4"])
