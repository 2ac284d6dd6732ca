"""Small tools for triangle meshes: normals, subdivision, smoothing, and the `Layer` a character is made of."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


class Material(IntEnum):
    """What a layer is made of; one shader program each, as software OpenGL does not branch cheaply."""

    SKIN = 0
    TOP = 1
    BOTTOM = 2
    SHOES = 3
    HAIR = 4
    EYES = 5
    LASHES = 6
    PONYTAIL = 7
    LOCKS = 8
    SKIRT = 9
    FLOOR = 10
    WALL = 11
    SLEEVES = 12
    LONG_HAIR = 13


@dataclass
class Layer:
    """One surface of a character in the rest pose.

    Attributes:
        vertices: (n, 3) metres.
        faces: (m, 3) vertex indices.
        weights: (n, bones) sparse skin weights.
        attributes: (n, 4) whatever the material's shader reads as `a`.
        material: the shader that draws it.
        blink: (n, 3) metres the vertices move when the eyes close, None for what does not.
        normals: (n, 3) unit vectors, derived.
    """

    vertices: Floats
    faces: Ints
    weights: sp.csr_matrix
    attributes: Floats
    material: Material
    blink: Floats | None = None
    normals: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.normals = vertex_normals(np.asarray(self.vertices, float), self.faces).astype(np.float32)
        self.vertices = self.vertices.astype(np.float32)
        self.faces = self.faces.astype(np.int32)
        self.weights = sp.csr_matrix(self.weights).astype(np.float32)
        self.attributes = self.attributes.astype(np.float32)


def smoothstep(low: Floats | float, high: Floats | float, x: Floats | float) -> Floats:
    """GLSL's smoothstep; `low` may be above `high` for a falling edge."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def triangulate(quads: Ints) -> Ints:
    """(n, 4) quads as (2n, 3) triangles."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Area-weighted unit normals, (n, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normals)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def compact(faces: Ints, count: int) -> tuple[sp.csr_matrix, Ints]:
    """Drop vertices no face uses: the selection as a sparse operator (kept, count), and the renumbered faces."""
    used, inverse = np.unique(faces, return_inverse=True)
    select = sp.csr_matrix((np.ones(len(used)), (np.arange(len(used)), used)), (len(used), count))
    return select, inverse.reshape(faces.shape)


def neighbour_average(faces: Ints, count: int) -> sp.csr_matrix:
    """The umbrella operator: each vertex becomes the mean of its neighbours, (count, count)."""
    i = np.concatenate([faces[:, 0], faces[:, 1], faces[:, 2]])
    j = np.concatenate([faces[:, 1], faces[:, 2], faces[:, 0]])
    adjacent = sp.csr_matrix((np.ones(len(i)), (i, j)), (count, count))
    adjacent = ((adjacent + adjacent.T) > 0).astype(float)
    return sp.diags(1 / np.maximum(np.asarray(adjacent.sum(1)).ravel(), 1)) @ adjacent


def smooth(vertices: Floats, faces: Ints, rounds: int, strength: float = 0.5) -> Floats:
    """Laplacian smoothing, `rounds` times."""
    average = neighbour_average(faces, len(vertices))
    for _ in range(rounds):
        vertices = (1 - strength) * vertices + strength * (average @ vertices)
    return vertices


def subdivide(faces: Ints, count: int) -> tuple[sp.csr_matrix, Ints]:
    """One step of Loop subdivision (Loop 1987) with creased borders.

    Returns:
        The operator (new, count) that makes new vertices of old ones, and the four times as many faces.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    unique, inverse, uses = np.unique(np.sort(edges, 1), axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.ravel()
    border = uses != 2
    inner = ~border[inverse]
    rows, columns, values = [], [], []

    def add(row: Ints, column: Ints, value: Floats) -> None:
        rows.append(row)
        columns.append(column)
        values.append(value)

    odd = count + np.arange(len(unique))
    for k in range(2):
        add(odd, unique[:, k], np.where(border, 0.5, 0.375))
    add(count + inverse[inner], opposite[inner], np.full(inner.sum(), 0.125))

    on_border = np.zeros(count, bool)
    on_border[unique[border].ravel()] = True
    valence = np.bincount(unique.ravel(), minlength=count)
    beta = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    add(np.arange(count), np.arange(count), np.where(on_border, 0.75, 1 - valence * beta))
    for a, b in ((0, 1), (1, 0)):
        i, j = unique[:, a], unique[:, b]
        add(i, j, np.where(on_border[i], np.where(border, 0.125, 0), beta[i]))

    indices = (np.concatenate(rows), np.concatenate(columns))
    operator = sp.csr_matrix((np.concatenate(values), indices), (count + len(unique), count))
    operator = sp.diags(1 / np.asarray(operator.sum(1)).ravel()) @ operator
    n = len(faces)
    m0, m1, m2 = (count + inverse[k * n : (k + 1) * n] for k in range(3))
    corners = ((faces[:, 0], m0, m2), (faces[:, 1], m1, m0), (faces[:, 2], m2, m1), (m0, m1, m2))
    return operator.tocsr(), np.concatenate([np.stack(corner, 1) for corner in corners])
