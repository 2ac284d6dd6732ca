"""Render people without end, to learn what a body is: `python -m scripts.performers.crowd --out DIR [--count N]`.

Person N is always the same person. Build, skin, hair, clothes, room, moves: all drawn at random, from what `characters.py` is
made of and `sampler.py` samples. Their footage is sparse, `FPS // EVERY` pictures a second: people teach more than frames do.
"""

import argparse
import colorsys
import tempfile
from pathlib import Path

import numpy as np

from . import __main__ as performers
from .character import Character
from .characters import Bottom, CharacterSpec, Colour, Face, Hair, Room, Shoes, Top
from .choreography import choreograph
from .encode import encode_footage, encode_mask, write_still
from .keys import TURN, Key, facing, mirrored
from .phrases import PHRASES, view
from .sampler import Item, Sample, realise

EVERY = 5
"""Of how many frames one is drawn."""
PHRASED = ("side-steps", "sway", "kicks", "side-kicks", "knees", "lunges", "squat-claps", "crouch", "floor", "bend",
           "fast-hands", "one-knee", "walk", "roll", "point", "back-kicks")  # fmt: skip
TURNED = ("full-turn", "fast-turn")
LIGHTEST, DARKEST = np.array((0.76, 0.48, 0.38)), np.array((0.13, 0.065, 0.04))
"""Skin, linear RGB."""
HAIR_COLOURS: tuple[Colour, ...] = (
    (0.020, 0.015, 0.014), (0.060, 0.024, 0.013), (0.12, 0.055, 0.025), (0.30, 0.17, 0.07), (0.46, 0.33, 0.17),
    (0.25, 0.07, 0.025), (0.40, 0.36, 0.32),
)  # fmt: skip


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m scripts.performers.crowd", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "performer-bodies")
    parser.add_argument("--first", type=int, default=0, help="number of the first person")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--every", type=int, default=EVERY, help="of how many frames one is drawn")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for number in range(given.first, given.first + given.count):
        render(person(number), given.cache, given.out, given.every)


def render(spec: CharacterSpec, cache: Path, out: Path, every: int = EVERY) -> None:
    """Footage, plate and mask of one person; nothing where they are there."""
    if (out / f"{spec.id}.mp4").exists():
        return
    character = Character(spec, cache)
    keys = realise(routine(spec.seed), character, performers.camera_of(character, []), spec.seed)
    dance = choreograph(keys, spec.bpm, performers.FPS, spec.seed)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        film = performers.film_of(character, dance, Path(scratch), every)
        encode_mask(film.mask, out / f"{spec.id}_mask.mp4")
        write_still(film.plate, out / f"{spec.id}_plate.png")
        encode_footage(film.lossless, out / f"{spec.id}.mp4")


def routine(seed: int) -> list[Item]:
    """About 48 seconds: every side of the body, sampled poses and phrases towards random headings."""
    rng = np.random.default_rng([seed, 1])
    items: list[Item] = []
    for eighth in rng.permutation(8).tolist():
        heading = (eighth - 4) * TURN / 8
        ahead = abs(heading) < TURN / 7
        items += view(heading)
        items.append(Sample(7 if ahead else 4, heading))
        for name in rng.choice(PHRASED, 2 if ahead else 1, replace=False):
            items += facing(_either(PHRASES[str(name)][:4], rng), heading)
    items += _either(PHRASES[str(rng.choice(TURNED))], rng)
    return items


def _either(phrase: list[Key], rng: np.random.Generator) -> list[Key]:
    return mirrored(phrase) if rng.random() < 0.5 else phrase


def person(number: int) -> CharacterSpec:
    """The person of that number."""
    rng = np.random.default_rng([number, 7])
    woman = bool(rng.random() < 0.5)
    african, asian, caucasian = rng.dirichlet((0.6, 0.6, 0.6))
    return CharacterSpec(
        id=f"crowd-{number:03d}",
        phenotype={
            "gender": 0.97 if woman else 0.03,
            **{name: float(rng.uniform(*ends)) for name, ends in {
                "age": (0.5, 0.95), "muscle": (0.3, 0.8), "weight": (0.25, 0.85), "height": (0.25, 0.75),
                "proportions": (0.45, 0.9), "cupsize": (0.3, 0.65), "firmness": (0.3, 0.8),
            }.items()},
            "african": float(african), "asian": float(asian), "caucasian": float(caucasian),
        },
        face=_face(rng, woman, 0.15 * asian + 0.85 * african),
        hair=_hair(rng, woman),
        top=_top(rng),
        bottom=_bottom(rng),
        shoes=Shoes(_colour(rng), _colour(rng), _colour(rng, 0.3, (0.5, 1.0))),
        room=_room(rng),
        bpm=float(rng.uniform(100, 126)),
        seed=1000 + number,
    )  # fmt: skip


def _face(rng: np.random.Generator, woman: bool, dark: float) -> Face:
    depth = float(np.clip(dark + rng.normal(0, 0.1), 0, 1))
    red, green, blue = (LIGHTEST + depth * (DARKEST - LIGHTEST)).tolist()
    smile = float(rng.uniform(0, 0.85))
    return Face(
        skin=(red, green, blue),
        lips=(red * 0.9, green * (0.4 if woman else 0.62), blue * (0.55 if woman else 0.7)),
        iris=((0.07, 0.04, 0.02), (0.20, 0.13, 0.06), (0.12, 0.20, 0.26))[int(rng.integers(3))],
        lip_strength=float(rng.uniform(0.4, 0.85)),
        brow_strength=float(rng.uniform(0.5, 1.0)),
        made_up=woman,
        expression={"mouthSmileLeft": smile, "mouthSmileRight": smile},
    )


def _hair(rng: np.random.Generator, woman: bool) -> Hair:
    style = str(rng.choice(("ponytail", "bun", "bob", "afro", "short") if woman else ("short", "short", "afro", "bun")))
    beard = 0.0 if woman or rng.random() < 0.5 else float(rng.uniform(0.2, 0.5))
    return Hair(style, HAIR_COLOURS[int(rng.integers(len(HAIR_COLOURS)))], float(rng.uniform(0.008, 0.011)), beard)


def _top(rng: np.random.Generator) -> Top:
    return Top(
        pattern=str(rng.choice(("plain", "stripes", "dots", "emblem"))),
        colour=_colour(rng),
        accent=_colour(rng),
        sleeve=float(rng.choice((0.42, 0.62, 0.8, 1.5, 1.8, 1.93))),
        offset=float(rng.uniform(0.006, 0.014)),
        slope=float(rng.uniform(0.06, 0.42)),
        hem=float(rng.uniform(-0.06, 0.03)),
        neck=float(rng.uniform(0.004, 0.04)),
        roughness=float(rng.uniform(0.6, 0.9)),
    )


def _bottom(rng: np.random.Generator) -> Bottom:
    return Bottom(
        pattern=str(rng.choice(("side-stripe", "denim"))),
        colour=_colour(rng),
        accent=_colour(rng),
        end=float(rng.choice((0.8, 1.5, 1.86, 1.9, 1.96, 1.98))),
        offset=float(rng.uniform(0.005, 0.012)),
        slope=float(rng.uniform(0.02, 0.12)),
        waist=float(rng.uniform(0.03, 0.085)),
        roughness=float(rng.uniform(0.7, 0.9)),
    )


def _room(rng: np.random.Generator) -> Room:
    high = _colour(rng)
    dark = _colour(rng, 0.4, (0.05, 0.7))
    by = float(rng.uniform(1.2, 1.7))
    return Room(
        wall=str(rng.choice(("gallery", "panelled", "curtain", "brick", "window"))),
        floor=str(rng.choice(("boards", "concrete", "tiles"))),
        wall_top=high,
        wall_bottom=_lighter(high, float(rng.uniform(1.0, 1.6))),
        accent=_colour(rng),
        floor_dark=dark,
        floor_light=_lighter(dark, by),
    )


def _colour(rng: np.random.Generator, most_vivid: float = 1.0, bright: tuple[float, float] = (0.08, 0.97)) -> Colour:
    """Any colour, grey ones as likely as vivid ones, even to the eye from dark to bright; linear RGB."""
    value = float(rng.uniform(*bright))
    vivid = most_vivid * float(rng.random()) if rng.random() < 0.75 else 0.0
    red, green, blue = colorsys.hsv_to_rgb(float(rng.random()), vivid, value)
    return red**2.2, green**2.2, blue**2.2


def _lighter(colour: Colour, times: float) -> Colour:
    red, green, blue = (min(channel * times, 0.95) for channel in colour)
    return red, green, blue


if __name__ == "__main__":
    main()
