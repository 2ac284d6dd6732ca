"""Who is rendered: builds, faces, clothes, rooms and tempo of two performers and three dancers. Colours are linear RGB."""

from dataclasses import dataclass, field

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Top:
    """A shirt or sweater. `sleeve` is the limb coordinate where it ends (1 elbow, 2 wrist); lengths in metres."""

    pattern: str
    colour: Colour
    accent: Colour
    sleeve: float
    offset: float
    """Distance of the cloth from the body."""
    slope: float
    """How steeply the cloth falls inwards below the chest, metres per metre of height."""
    hem: float
    """Height of the hem above the hip joint."""
    neck: float
    """Height of the neckline above the base of the neck."""
    roughness: float
    wide: float = 0.0
    """How far a wide sleeve hangs below the wrist; 0 for one that follows the arm."""


@dataclass(frozen=True)
class Bottom:
    """Trousers. `end` is the limb coordinate where they end (1 knee, 2 ankle); lengths in metres."""

    pattern: str
    colour: Colour
    accent: Colour
    end: float
    offset: float
    slope: float
    waist: float
    """Height of the waistband above the hip joint."""
    roughness: float


@dataclass(frozen=True)
class Skirt:
    """A skirt, the lower half of a dress, or the tails of a coat; lengths in metres."""

    pattern: str
    """A name in `renderer.SKIRT_PATTERNS`."""
    colour: Colour
    accent: Colour
    length: float
    """From its waist to its hem."""
    flare: float
    """How much its radius grows below the hips, metres per metre of height."""
    waist: float
    """Height of its upper edge above the hip joint."""
    roughness: float
    opening: float = 0.0
    """Angle that it leaves open in front, radians; 0 for a skirt, above for a coat."""
    belt: float = 0.0
    """Height of a band in the accent's colour at its waist."""


@dataclass(frozen=True)
class Shoes:
    """Colours of a pair of trainers."""

    colour: Colour
    accent: Colour
    sole: Colour


@dataclass(frozen=True)
class Hair:
    """Hair style, a key of `hair.STYLES`; `thickness` in metres; `beard` 0 (none) to 1."""

    style: str
    colour: Colour
    thickness: float
    beard: float = 0.0
    length: float = 0.0
    """How far loose hair hangs below the back of the head, metres; 0 for hair that is tied or short."""


@dataclass(frozen=True)
class Face:
    """Colours of the face and how strongly lips, brows and lashes show."""

    skin: Colour
    lips: Colour
    iris: Colour
    lip_strength: float
    brow_strength: float
    made_up: bool
    """Upper and lower lashes, fine brows and a darker eye line."""
    expression: dict[str, float] = field(default_factory=dict)
    """Facial action units of anny and their strength, 0 to 1."""


@dataclass(frozen=True)
class Room:
    """The stage: names of the wall and floor shaders (`shaders/wall_NAME.glsl`) and their colours."""

    wall: str
    floor: str
    wall_top: Colour
    wall_bottom: Colour
    accent: Colour
    floor_dark: Colour
    floor_light: Colour


@dataclass(frozen=True)
class CharacterSpec:
    """Everything that makes one person."""

    id: str
    phenotype: dict[str, float]
    """anny's phenotype sliders, 0 to 1; those not named are 0.5."""
    face: Face
    hair: Hair
    top: Top
    bottom: Bottom
    shoes: Shoes
    room: Room
    bpm: float
    seed: int
    """Of what is sampled: key poses, blinks, locks of hair."""
    dance: str | None = None
    """File name of the dance of someone who is filmed as a source; None for a performer."""
    size: tuple[int, int] = (512, 512)
    """Width and height of the film, pixels."""
    skirt: Skirt | None = None


MIRA = CharacterSpec(
    id="mira",
    phenotype={
        "gender": 0.98,
        "age": 0.62,
        "muscle": 0.58,
        "weight": 0.42,
        "height": 0.50,
        "proportions": 0.9,
        "cupsize": 0.48,
        "firmness": 0.8,
        "african": 0.15,
        "asian": 0.25,
        "caucasian": 0.6,
    },
    face=Face(
        skin=(0.62, 0.335, 0.22),
        lips=(0.58, 0.13, 0.14),
        iris=(0.20, 0.13, 0.06),
        lip_strength=0.75,
        brow_strength=0.8,
        made_up=True,
        expression={
            "mouthSmileLeft": 0.8,
            "mouthSmileRight": 0.8,
            "cheekSquintLeft": 0.35,
            "cheekSquintRight": 0.35,
            "eyeSquintLeft": 0.25,
            "eyeSquintRight": 0.25,
        },
    ),
    hair=Hair(style="ponytail", colour=(0.060, 0.024, 0.013), thickness=0.010),
    top=Top(
        pattern="stripes",
        colour=(0.86, 0.84, 0.80),
        accent=(0.72, 0.06, 0.09),
        sleeve=0.62,
        offset=0.006,
        slope=0.42,
        hem=0.03,
        neck=0.012,
        roughness=0.85,
    ),
    bottom=Bottom(
        pattern="side-stripe",
        colour=(0.022, 0.030, 0.075),
        accent=(0.85, 0.85, 0.88),
        end=1.90,
        offset=0.005,
        slope=0.125,
        waist=0.085,
        roughness=0.7,
    ),
    shoes=Shoes(colour=(0.85, 0.85, 0.86), accent=(0.80, 0.10, 0.14), sole=(0.90, 0.89, 0.86)),
    room=Room(
        wall="gallery",
        floor="boards",
        wall_top=(0.29, 0.38, 0.32),
        wall_bottom=(0.50, 0.59, 0.49),
        accent=(0.80, 0.22, 0.16),
        floor_dark=(0.36, 0.235, 0.145),
        floor_light=(0.52, 0.37, 0.245),
    ),
    bpm=122,
    seed=11,
)

THEO = CharacterSpec(
    id="theo",
    phenotype={
        "gender": 0.03,
        "age": 0.64,
        "muscle": 0.66,
        "weight": 0.50,
        "height": 0.43,
        "proportions": 0.75,
        "cupsize": 0.5,
        "firmness": 0.5,
        "african": 0.75,
        "asian": 0.05,
        "caucasian": 0.2,
    },
    face=Face(
        skin=(0.36, 0.195, 0.125),
        lips=(0.30, 0.13, 0.11),
        iris=(0.07, 0.04, 0.02),
        lip_strength=0.5,
        brow_strength=0.9,
        made_up=False,
        expression={
            "mouthSmileLeft": 0.65,
            "mouthSmileRight": 0.65,
            "cheekSquintLeft": 0.3,
            "cheekSquintRight": 0.3,
        },
    ),
    hair=Hair(style="short", colour=(0.018, 0.014, 0.012), thickness=0.010, beard=0.34),
    top=Top(
        pattern="emblem",
        colour=(0.95, 0.55, 0.05),
        accent=(0.06, 0.08, 0.11),
        sleeve=1.93,
        offset=0.012,
        slope=0.10,
        hem=-0.015,
        neck=0.040,
        roughness=0.9,
    ),
    bottom=Bottom(
        pattern="denim",
        colour=(0.115, 0.185, 0.30),
        accent=(0.75, 0.55, 0.25),
        end=1.98,
        offset=0.010,
        slope=0.055,
        waist=0.05,
        roughness=0.9,
    ),
    shoes=Shoes(colour=(0.10, 0.10, 0.11), accent=(0.95, 0.95, 0.95), sole=(0.92, 0.92, 0.90)),
    room=Room(
        wall="panelled",
        floor="concrete",
        wall_top=(0.085, 0.19, 0.225),
        wall_bottom=(0.115, 0.245, 0.28),
        accent=(0.95, 0.62, 0.30),
        floor_dark=(0.30, 0.29, 0.285),
        floor_light=(0.43, 0.42, 0.41),
    ),
    bpm=118,
    seed=23,
)

LINA = CharacterSpec(
    id="lina",
    phenotype={
        "gender": 0.96,
        "age": 0.58,
        "muscle": 0.50,
        "weight": 0.34,
        "height": 0.40,
        "proportions": 0.8,
        "cupsize": 0.40,
        "firmness": 0.7,
        "african": 0.05,
        "asian": 0.85,
        "caucasian": 0.10,
    },
    face=Face(
        skin=(0.66, 0.41, 0.28),
        lips=(0.60, 0.10, 0.13),
        iris=(0.06, 0.035, 0.02),
        lip_strength=0.8,
        brow_strength=0.85,
        made_up=True,
        expression={"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "eyeSquintLeft": 0.15, "eyeSquintRight": 0.15},
    ),
    hair=Hair(style="bob", colour=(0.020, 0.015, 0.014), thickness=0.008),
    top=Top(
        pattern="dots",
        colour=(0.06, 0.30, 0.33),
        accent=(0.90, 0.80, 0.45),
        sleeve=0.42,
        offset=0.006,
        slope=0.34,
        hem=0.02,
        neck=0.004,
        roughness=0.6,
    ),
    bottom=Bottom(
        pattern="denim",
        colour=(0.50, 0.45, 0.37),
        accent=(0.5, 0.4, 0.3),
        end=1.86,
        offset=0.008,
        slope=0.02,
        waist=0.085,
        roughness=0.85,
    ),
    shoes=Shoes(colour=(0.82, 0.62, 0.12), accent=(0.95, 0.93, 0.88), sole=(0.93, 0.92, 0.9)),
    room=Room(
        wall="curtain",
        floor="tiles",
        wall_top=(0.24, 0.035, 0.085),
        wall_bottom=(0.42, 0.06, 0.14),
        accent=(1.0, 0.62, 0.28),
        floor_dark=(0.075, 0.07, 0.085),
        floor_light=(0.62, 0.58, 0.54),
    ),
    bpm=120,
    seed=4,
    dance="lina-disco",
    size=(432, 768),
)

OMAR = CharacterSpec(
    id="omar",
    phenotype={
        "gender": 0.02,
        "age": 0.66,
        "muscle": 0.62,
        "weight": 0.64,
        "height": 0.56,
        "proportions": 0.6,
        "african": 0.35,
        "asian": 0.20,
        "caucasian": 0.45,
    },
    face=Face(
        skin=(0.50, 0.28, 0.18),
        lips=(0.40, 0.17, 0.14),
        iris=(0.10, 0.055, 0.03),
        lip_strength=0.45,
        brow_strength=1.0,
        made_up=False,
        expression={"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5},
    ),
    hair=Hair(style="afro", colour=(0.030, 0.018, 0.012), thickness=0.010, beard=0.42),
    top=Top(
        pattern="plain",
        colour=(0.74, 0.74, 0.72),
        accent=(0.10, 0.10, 0.12),
        sleeve=0.80,
        offset=0.012,
        slope=0.06,
        hem=-0.05,
        neck=0.018,
        roughness=0.9,
    ),
    bottom=Bottom(
        pattern="side-stripe",
        colour=(0.055, 0.085, 0.055),
        accent=(0.75, 0.72, 0.60),
        end=1.90,
        offset=0.012,
        slope=0.03,
        waist=0.03,
        roughness=0.85,
    ),
    shoes=Shoes(colour=(0.66, 0.10, 0.07), accent=(0.95, 0.95, 0.95), sole=(0.94, 0.93, 0.90)),
    room=Room(
        wall="brick",
        floor="concrete",
        wall_top=(0.30, 0.125, 0.085),
        wall_bottom=(0.40, 0.185, 0.125),
        accent=(0.10, 0.55, 0.62),
        floor_dark=(0.20, 0.20, 0.215),
        floor_light=(0.33, 0.33, 0.345),
    ),
    bpm=104,
    seed=1,
    dance="omar-street",
)

JUNE = CharacterSpec(
    id="june",
    phenotype={
        "gender": 0.95,
        "age": 0.80,
        "muscle": 0.45,
        "weight": 0.58,
        "height": 0.52,
        "proportions": 0.6,
        "cupsize": 0.55,
        "firmness": 0.4,
        "african": 0.05,
        "asian": 0.05,
        "caucasian": 0.9,
    },
    face=Face(
        skin=(0.74, 0.46, 0.36),
        lips=(0.60, 0.20, 0.19),
        iris=(0.12, 0.20, 0.26),
        lip_strength=0.6,
        brow_strength=0.5,
        made_up=True,
        expression={"mouthSmileLeft": 0.75, "mouthSmileRight": 0.75, "cheekSquintLeft": 0.3, "cheekSquintRight": 0.3},
    ),
    hair=Hair(style="bun", colour=(0.40, 0.36, 0.32), thickness=0.009),
    top=Top(
        pattern="stripes",
        colour=(0.10, 0.13, 0.30),
        accent=(0.74, 0.72, 0.66),
        sleeve=1.80,
        offset=0.009,
        slope=0.16,
        hem=-0.03,
        neck=0.012,
        roughness=0.85,
    ),
    bottom=Bottom(
        pattern="denim",
        colour=(0.28, 0.055, 0.07),
        accent=(0.6, 0.5, 0.4),
        end=1.96,
        offset=0.009,
        slope=0.05,
        waist=0.085,
        roughness=0.9,
    ),
    shoes=Shoes(colour=(0.22, 0.14, 0.09), accent=(0.30, 0.2, 0.13), sole=(0.75, 0.66, 0.52)),
    room=Room(
        wall="window",
        floor="boards",
        wall_top=(0.66, 0.62, 0.54),
        wall_bottom=(0.70, 0.66, 0.58),
        accent=(0.55, 0.72, 0.90),
        floor_dark=(0.16, 0.095, 0.055),
        floor_light=(0.27, 0.165, 0.10),
    ),
    bpm=96,
    seed=2,
    dance="june-sway",
    size=(640, 480),
)

CHARACTERS = {spec.id: spec for spec in (MIRA, THEO, LINA, OMAR, JUNE)}
