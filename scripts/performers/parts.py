"""Which part of the body each vertex belongs to, for maps of what every pixel shows.

The first seven labels are nothing and the six parts of `core/warping/part_warp.py` plus one. What hangs below the hips has a
label of its own: it moves with the pelvis and with both legs, and whoever learns from the maps decides what to make of it (for
six parts: the trunk, whose bones move it least wrongly). Long hair is the head's, a wide sleeve its arm's, and the neck goes
with the head.
"""

import numpy as np

from .body import Body
from .meshes import Layer, Material

LABELS = ("nothing", "trunk", "head", "left arm", "right arm", "left leg", "right leg", "skirt")
"""By number; left and right are the person's own."""
NOTHING, TRUNK, HEAD, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG, SKIRT = range(8)
PART_STEP = np.uint8(32)
"""Grey levels from one label to the next in the file of a part map, so that a person can look at it."""
STARTS = {
    "neck01": HEAD, "upperarm01.L": LEFT_ARM, "upperarm01.R": RIGHT_ARM, "upperleg01.L": LEFT_LEG,
    "upperleg01.R": RIGHT_LEG,
}  # fmt: skip
"""The first bone of each part but the trunk."""


def parts_of(layer: Layer, body: Body) -> np.ndarray:
    """The label of every vertex of a layer, (n,) uint8: of the part whose bones weigh most."""
    if layer.material is Material.SKIRT:
        return np.full(len(layer.vertices), SKIRT, np.uint8)
    of_bone = np.full(len(body.labels), TRUNK)
    for bone, label in enumerate(body.labels):  # parents come before their children
        parent = int(body.parents[bone])
        of_bone[bone] = STARTS.get(label, of_bone[parent] if parent >= 0 else TRUNK)
    weights = np.stack([np.asarray(layer.weights[:, of_bone == part].sum(1)).ravel() for part in range(SKIRT)], 1)
    return weights.argmax(1).astype(np.uint8)
