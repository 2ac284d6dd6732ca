"""A body in its rest pose, baked from the anny package and kept in a cache folder.

anny's code is Apache-2.0 and the MakeHuman data read here (`data/mpfb2`, `data/faceunits01`) is CC0. Its `smplx`
topology and the `[smpl]` and `[examples]` extras carry non-commercial assets and are not used.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from .characters import CharacterSpec
from .meshes import Floats, Ints

SKIN_VERTICES = 13380
"""The first vertices of MakeHuman's base mesh are the skin; the rest are helper geometry."""
ALL_VERTICES = 19158
MASKS = ("lips", "ears", "eyelids", "fingernails")
FORMAT = "v4"
BLINK = ("eyeBlinkLeft", "eyeBlinkRight")


@dataclass(frozen=True)
class Body:
    """A rest pose.

    Attributes:
        vertices: (19158, 3) metres, z up, facing -y; skin first, then helper geometry.
        blink: (19158, 3) metres, how far each vertex moves when both eyes close.
        heads: (bones, 3) where each bone starts.
        weights: (19158, bones) sparse skin weights.
        labels: bone names; left ones end in `.L`.
        parents: (bones,) index of each bone's parent.
        groups: quads (n, 4) by the base mesh's group names (`body`, `helper-tights`, `helper-l-eye`, ...).
        masks: (19158,) 0..1 by name, see `MASKS`.
    """

    vertices: Floats
    blink: Floats
    heads: Floats
    weights: sp.csr_matrix
    labels: list[str]
    parents: Ints
    groups: dict[str, Ints]
    masks: dict[str, Floats]

    @property
    def index(self) -> dict[str, int]:
        """Bone index by name."""
        return {label: i for i, label in enumerate(self.labels)}

    def group_vertices(self, name: str) -> Floats:
        """The vertices of one group, (n, 3)."""
        return self.vertices[np.unique(self.groups[name])]


def load_body(spec: CharacterSpec, cache: Path) -> Body:
    """The body of `spec`, from `cache` when it is there and was baked from the same figures, else baked now."""
    path = cache / f"body_{spec.id}.npz"
    fingerprint = json.dumps([spec.phenotype, spec.face.expression, FORMAT], sort_keys=True)
    if path.exists():
        with np.load(path) as stored:
            if str(stored["fingerprint"]) == fingerprint:
                return _unpack(dict(stored))
    arrays = _bake(spec, cache)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, fingerprint=fingerprint, **arrays)
    return _unpack(arrays)


def _unpack(arrays: dict[str, Any]) -> Body:
    labels = [str(label) for label in arrays["labels"]]
    weights, bones = arrays["weights"], arrays["bones"]
    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    return Body(
        vertices=arrays["vertices"].astype(float),
        blink=arrays["blink"].astype(float),
        heads=arrays["heads"].astype(float),
        weights=sp.csr_matrix((weights.ravel(), (rows, bones.ravel())), (len(weights), len(labels))),
        labels=labels,
        parents=arrays["parents"],
        groups={key[6:]: value for key, value in arrays.items() if key.startswith("group_")},
        masks={key[5:]: value for key, value in arrays.items() if key.startswith("mask_")},
    )


def _bake(spec: CharacterSpec, cache: Path) -> dict[str, Any]:
    os.environ.setdefault("ANNY_CACHE_DIR", str(cache))  # read by anny at import
    import anny
    import torch

    model = anny.Anny(
        rig="anny", topology="makehuman-full", local_changes="default", facial_actions="all", phenotypes="all"
    )
    with torch.no_grad():
        rest, closed = (
            model(
                pose_parameters=torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1),
                phenotype_kwargs={key: spec.phenotype.get(key, 0.5) for key in model.phenotype_labels},
                facial_actions=spec.face.expression | lids,
                local_changes_kwargs={f"{side}-hand-fingers-distance-incr": -0.7 for side in "lr"},
            )
            for lids in ({}, dict.fromkeys(BLINK, 1.0))
        )
    data = Path(anny.__file__).parent / "data" / "mpfb2"
    uv = np.zeros((ALL_VERTICES, 2), np.float32)
    uv[np.asarray(model.faces).ravel()] = model.texture_coordinates.numpy()[
        model.face_texture_coordinate_indices.numpy().ravel()
    ]
    arrays = {
        "vertices": rest["rest_vertices"][0].numpy(),
        "blink": (closed["rest_vertices"] - rest["rest_vertices"])[0].numpy(),
        "heads": rest["rest_bone_heads"][0].numpy(),
        "weights": model.vertex_bone_weights.numpy(),
        "bones": model.vertex_bone_indices.numpy(),
        "labels": np.array(list(model.bone_labels)),
        "parents": np.array(model.bone_parents),
    }
    arrays |= {f"group_{name}": quads for name, quads in _read_groups(data / "3dobjs" / "base.obj").items()}
    arrays |= {f"mask_{name}": _sample_mask(data / "textures" / f"mpfb_{name}.jpg", uv) for name in MASKS}
    return arrays


def _read_groups(obj: Path) -> dict[str, np.ndarray]:
    groups: dict[str, list[list[int]]] = {}
    current = ""
    for line in obj.read_text().splitlines():
        if line.startswith("g "):
            current = line.split()[1]
        elif line.startswith("f "):
            groups.setdefault(current, []).append([int(corner.split("/")[0]) - 1 for corner in line.split()[1:]])
    wanted = ("body", "helper-tights", "helper-l-eye", "helper-r-eye")
    return {name: np.array(quads) for name, quads in groups.items() if name in wanted or "eyelash" in name}


def _sample_mask(image: Path, uv: np.ndarray) -> np.ndarray:
    from PIL import Image

    grey = np.asarray(Image.open(image).convert("L")).astype(np.float32) / 255
    height, width = grey.shape
    x = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    return grey[y, x]
