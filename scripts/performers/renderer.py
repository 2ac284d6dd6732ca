"""Draws a character on its stage with OpenGL (EGL; Mesa's software renderer will do).

A frame is: shadow map, depth pre-pass, person and stage at twice the size, ambient occlusion, tone mapping and halving.
The stage never changes and the camera never moves, so the stage is lit once and only its shadow is computed each frame.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from .camera import STAGE_SHADOW, Camera
from .character import Character, Surface
from .meshes import Floats, Layer, Material
from .motion import Pose
from .parts import parts_of

SHADERS = Path(__file__).parent / "shaders"
SUPERSAMPLING = 2
SHADOW_SIZE = 1024
LIGHT = np.array([-0.52, -0.72, 0.92]) / np.linalg.norm([-0.52, -0.72, 0.92])
LIGHT_COLOUR = (1.95, 1.80, 1.60)
STAGE = (Material.FLOOR, Material.WALL)
DEPTH_OF_ROOM = 1.9
"""From the dancer to the back wall, metres."""
SURFACES = {
    Material.SKIN: ("skin", "matte"),
    Material.TOP: ("top", "matte"),
    Material.BOTTOM: ("bottom", "matte"),
    Material.SHOES: ("shoes", "matte"),
    Material.HAIR: ("strands", "hair"),
    Material.EYES: ("eyes",),
    Material.LASHES: ("lashes", "matte"),
    Material.PONYTAIL: ("strands", "ponytail"),
    Material.LOCKS: ("strands", "locks"),
    Material.SKIRT: ("skirt", "matte"),
    Material.SLEEVES: ("skirt", "matte"),
    Material.LONG_HAIR: ("strands", "locks"),
}
PATTERNS = ("stripes", "dots", "emblem", "side-stripe", "denim", "open", "wrapped")
SKIRT_PATTERNS = ("plain", "bands", "checks", "flowers", "pleats")
"""Of a `characters.Skirt`: plain, stripes along its hem, checks, scattered flowers, upright pleats."""
TUCKED = 0.009
"""How much deeper legs below a skirt are drawn, of the depth between the near and the far plane: about 4 cm for a dancer."""
Picture = NDArray[np.uint8]


def _source(*names: str) -> str:
    return "\n".join((SHADERS / name).read_text() for name in names)


def _columns(matrix: Floats) -> tuple[float, ...]:
    return tuple(np.ascontiguousarray(matrix.T).astype("f4").ravel())


FORMATS = {"position": "3f", "normal_in": "3f", "rest_in": "3f", "attribute_in": "4f", "part_in": "1f"}


class _Mesh:
    """A layer on the graphics card: positions and normals are rewritten every frame, the rest stays."""

    MOVING, STILL = ("position", "normal_in"), ("rest_in", "attribute_in", "part_in")

    def __init__(self, context: moderngl.Context, layer: Layer, parts: np.ndarray) -> None:
        self.context, self.material = context, layer.material
        self.moving = context.buffer(reserve=len(layer.vertices) * 24, dynamic=True)
        still = np.column_stack([layer.vertices, layer.attributes, parts])
        self.still = context.buffer(still.astype("f4").tobytes())
        self.faces = context.buffer(np.ascontiguousarray(layer.faces, dtype="i4").tobytes())

    def write(self, surface: Surface) -> None:
        self.moving.write(np.concatenate(surface, 1).astype("f4").tobytes())

    def array(self, program: moderngl.Program) -> moderngl.VertexArray:
        """Bind to a program, which may have optimised some inputs away."""
        content: list[tuple[Any, ...]] = []
        for buffer, names in ((self.moving, self.MOVING), (self.still, self.STILL)):
            used = [name for name in names if name in program]
            if used:
                layout = " ".join(FORMATS[name] if name in program else f"{FORMATS[name][0]}x4" for name in names)
                content.append((buffer, layout, *used))
        return self.context.vertex_array(program, content, self.faces)


class Renderer:
    """Draws one character as seen by one camera. Use as a context manager."""

    def __init__(self, character: Character, camera: Camera) -> None:
        """The picture has the camera's size."""
        self.character, self.camera, self.size = character, camera, camera.size
        self.context = moderngl.create_context(standalone=True, backend="egl", require=330)
        self.view_projection = camera.view_projection
        self.light_projection = camera.light_projection(LIGHT)
        self._targets()
        self._programs()
        self._meshes()
        self._constants()
        self._bake_stage()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.release()

    # ---- setting up

    def _targets(self) -> None:
        context, size = self.context, self.size
        fine = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
        self.colour, self.depth = context.texture(fine, 4, dtype="f2"), context.depth_texture(fine)
        self.depth.compare_func = ""
        self.labels = context.texture(fine, 1)
        self.scene = context.framebuffer([self.colour, self.labels], self.depth)
        self.baked = [context.texture(fine, 4, dtype="f2") for _ in range(2)]
        self.bake = context.framebuffer(self.baked, self.depth)
        self.shadow_map = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self.shadow_map.compare_func = "<="
        self.shadow_map.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.shadow_map.repeat_x = self.shadow_map.repeat_y = False
        self.shadow = context.framebuffer([], self.shadow_map)
        self.open = context.texture(size, 1, dtype="f2")
        self.open.repeat_x = self.open.repeat_y = False
        self.occlusion = context.framebuffer([self.open])
        self.screen = context.framebuffer([context.texture(size, 4)])
        self.part_map = context.framebuffer([context.texture(size, 1)])

    def _program(self, fragment: str, material: Material, *names: str, **defines: int) -> moderngl.Program:
        spec = self.character.spec
        constants = {member.name: int(member) for member in Material} | {"MATERIAL": int(material)} | defines
        worn = (spec.top.pattern, spec.bottom.pattern)
        switches = {f"PATTERN_{name.upper().replace('-', '_')}": name in worn for name in PATTERNS}
        if material in (Material.SKIRT, Material.SLEEVES):
            pattern = spec.skirt.pattern if spec.skirt and material is Material.SKIRT else "plain"
            switches |= {f"SKIRT_{name.upper()}": name == pattern for name in SKIRT_PATTERNS}
        switches["SHORT_HAIR"] = spec.hair.style in ("short", "afro")
        header = [f"const int {name} = {value};" for name, value in constants.items()]
        header += [f"const bool {name} = {str(value).lower()};" for name, value in switches.items()]
        text = "\n".join(["#version 330", *header, _source(*names, fragment)])
        return self.context.program(_source("mesh.vert"), text)

    def _programs(self) -> None:
        """One specialised program per material: software OpenGL runs every branch of a shared one."""
        room = self.character.spec.room
        shared = ("common.glsl", "regions.glsl")
        self.shade, self.depth_only, self.shadow_only, self.light_stage = {}, {}, {}, {}
        for material in {layer.material for layer in self.character.layers}:
            files = [f"{name}.glsl" for name in SURFACES[material]]
            self.shade[material] = self._program("person.frag", material, *shared, *files)
            self.shadow_only[material] = self._program("depth.frag", material, "regions.glsl", FROM_CAMERA=0)
            self.depth_only[material] = self._program("depth.frag", material, "regions.glsl", FROM_CAMERA=1)
        for material, name in zip(STAGE, (f"floor_{room.floor}.glsl", f"wall_{room.wall}.glsl"), strict=True):
            self.shade[material] = self._program("stage.frag", material, "common.glsl")
            self.light_stage[material] = self._program("stage_bake.frag", material, "common.glsl", name)
        self.occlude = self.context.program(_source("screen.vert"), _source("occlusion.frag"))
        self.display = self.context.program(_source("screen.vert"), _source("display.frag"))
        self.name_parts = self.context.program(_source("screen.vert"), _source("parts.frag"))
        self.all_programs = [
            *self.shade.values(), *self.shadow_only.values(), *self.depth_only.values(), *self.light_stage.values(),
        ]  # fmt: skip

    def _meshes(self) -> None:
        self.person = [
            _Mesh(self.context, layer, parts_of(layer, self.character.body)) for layer in self.character.layers
        ]
        self.stage = [self._plane(material) for material in STAGE]
        self.draw_shaded = [(m.material, m.array(self.shade[m.material])) for m in self.person + self.stage]
        self.draw_shadow = [m.array(self.shadow_only[m.material]) for m in self.person]
        # Hair is cut to strands in its shader, so it cannot be part of the pre-pass.
        solid = [m for m in self.person if m.material is not Material.HAIR]
        self.draw_depth = [m.array(self.depth_only[m.material]) for m in solid]
        self.draw_stage_light = [m.array(self.light_stage[m.material]) for m in self.stage]
        self.draw_occlusion = self.context.vertex_array(self.occlude, [])
        self.draw_screen = self.context.vertex_array(self.display, [])
        self.draw_parts = self.context.vertex_array(self.name_parts, [])

    def _plane(self, material: Material) -> _Mesh:
        y = DEPTH_OF_ROOM
        if material is Material.FLOOR:
            corners, normal = [[-6, -4, 0], [6, -4, 0], [6, y, 0], [-6, y, 0]], (0, 0, 1)
        else:
            corners, normal = [[-6, y, 0], [6, y, 0], [6, y, 6], [-6, y, 6]], (0, -1, 0)
        vertices = np.array(corners, float)
        no_weights = np.zeros((4, 1))
        plane = Layer(vertices, np.array([[0, 1, 2], [0, 2, 3]]), no_weights, np.zeros((4, 4)), material)
        mesh = _Mesh(self.context, plane, np.zeros(4))
        mesh.write((vertices, np.tile(np.array(normal, float), (4, 1))))
        return mesh

    def _set(self, programs: Sequence[moderngl.Program], values: Mapping[str, Any]) -> None:
        """Uniforms for every program that has them."""
        for program in programs:
            for name, value in values.items():
                if name in program:
                    program[name] = value

    def _constants(self) -> None:
        spec, marks, camera = self.character.spec, self.character.marks, self.camera
        face, room, hair = spec.face, spec.room, spec.hair
        self._set(
            self.all_programs,
            {
                "camera": tuple(camera.eye),
                "light": tuple(LIGHT),
                "light_colour": LIGHT_COLOUR,
                "light_projection": _columns(self.light_projection),
                "shadow_scale": STAGE_SHADOW / camera.shadow_reach,
                "shadow_map": 0,
                "baked_others": 2,
                "baked_key": 3,
                "top_edge": (spec.top.sleeve, marks.hem, marks.ankle),
                "bottom_edge": (spec.bottom.end, marks.waist),
                "neckline": (marks.neck_z, marks.neck_y, spec.top.neck),
                "chest_z": marks.chest_emblem,
                "skull": tuple(marks.skull),
                "eye_left": tuple(marks.eye_left),
                "skin_colour": face.skin,
                "lip_colour": face.lips,
                "lip_strength": face.lip_strength,
                "iris_colour": face.iris,
                "brow_strength": face.brow_strength,
                "made_up": float(face.made_up),
                "beard": hair.beard,
                "hair_colour": hair.colour,
                "wall_top": room.wall_top,
                "wall_bottom": room.wall_bottom,
                "accent": room.accent,
                "floor_dark": room.floor_dark,
                "floor_light": room.floor_light,
            },
        )
        worn = {
            Material.TOP: (spec.top.colour, spec.top.accent, spec.top.roughness),
            Material.BOTTOM: (spec.bottom.colour, spec.bottom.accent, spec.bottom.roughness),
            Material.SHOES: (spec.shoes.colour, spec.shoes.accent, 0.5),
            Material.PONYTAIL: (spec.top.colour, spec.top.accent, 0.5),
        }
        if spec.skirt:
            worn[Material.SKIRT] = (spec.skirt.colour, spec.skirt.accent, spec.skirt.roughness)
            self._set([self.shade[Material.SKIRT]], {"cloth_length": spec.skirt.length, "belt": spec.skirt.belt})
        if spec.top.wide:
            worn[Material.SLEEVES] = (spec.top.colour, spec.top.accent, spec.top.roughness)
            self._set([self.shade[Material.SLEEVES]], {"cloth_length": 9.0, "belt": 0.0})
        for material, (first, second, roughness) in worn.items():
            if material in self.shade:
                colours = {"colour_1": first, "colour_2": second, "colour_3": spec.shoes.sole}
                self._set([self.shade[material]], colours | {"roughness": roughness})
        if spec.skirt and not spec.skirt.opening:  # what is left of a knee that pokes through
            below = self.character.body.heads[self.character.body.index["upperleg01.L"]][2] - 0.05
            covered = [m for m in (Material.SKIN, Material.BOTTOM, Material.SHOES) if m in self.shade]
            programs = [kind[m] for m in covered for kind in (self.shade, self.depth_only)]
            self._set(programs, {"tucked": (float(below), TUCKED)})
        lens = (camera.near, camera.far, np.tan(camera.field_of_view / 2), camera.aspect)
        self._set(
            [self.occlude], {"lens": lens, "texel": (1 / self.size[0], 1 / self.size[1]), "depth": 0, "colour": 1}
        )
        self._set([self.display], {"colour": 0, "occlusion": 1})

    def _bake_stage(self) -> None:
        self._set(list(self.light_stage.values()), {"view_projection": _columns(self.view_projection)})
        self.context.enable(moderngl.DEPTH_TEST)
        self.bake.use()
        self.bake.clear(0, 0, 0, 0, depth=1.0)
        for plane in self.draw_stage_light:
            plane.render()

    # ---- frames

    def frame(self, pose: Pose) -> tuple[Picture, Picture]:
        """The character in `pose`: picture (height, width, 3) and the person's coverage (height, width), both uint8."""
        surfaces = self.character.skin(pose)
        for mesh, surface in zip(self.person, surfaces, strict=True):
            mesh.write(surface)
        self._describe_pose(pose, surfaces)
        return self._draw(person=True)

    def parts(self) -> Picture:
        """Which part each pixel of the last frame shows, (height, width) uint8, labels as in `parts.LABELS`."""
        self.context.disable(moderngl.DEPTH_TEST)
        self.part_map.use()
        self.labels.use(0)
        self.draw_parts.render(moderngl.TRIANGLES, 3)
        width, height = self.size
        pixels = np.frombuffer(self.part_map.read(components=1, alignment=1), np.uint8)
        return np.ascontiguousarray(pixels.reshape(height, width)[::-1])

    def plate(self) -> Picture:
        """The empty stage, (height, width, 3) uint8: no person and no shadow."""
        nobody = {"shadow_bounds": (2.0, 2.0, -2.0, -2.0), "occluders": [(0.0, 0.0, 9.0, 0.0)] * 6}
        self._set([self.shade[material] for material in STAGE], nobody)
        return self._draw(person=False)[0]

    def _describe_pose(self, pose: Pose, surfaces: Sequence[Surface]) -> None:
        bones = self.character.body.index
        elbows_knees = [pose.bend[joint] for joint in ("elbowL", "elbowR", "kneeL", "kneeR")]
        down = np.array([0, 0, -1])
        thighs = [pose.rotations[bones[f"upperleg02.{side}"]] @ down for side in "LR"]
        hips = [float(np.clip(1 - thigh @ (pose.rotations[0] @ down), 0, 1)) for thigh in thighs]
        corners = self._shadow_bounds(surfaces)
        self._set(
            list(self.shade.values()),
            {
                "bend": tuple(min(angle / 1.6, 1.2) for angle in elbows_knees),
                "hip_bend": tuple(hips),
                "occluders": self._occluders(pose),
                "shadow_bounds": corners,
            },
        )

    def _occluders(self, pose: Pose) -> list[tuple[float, ...]]:
        bones = self.character.body.index
        spheres = []
        for side in "LR":
            foot = bones[f"foot.{side}"]
            for y in (0.0, -0.11):
                centre = pose.heads[foot] + pose.rotations[foot] @ np.array([0, y, -0.05])
                spheres.append((*map(float, centre), 0.085))
        spheres += [(*map(float, pose.heads[bone]), 0.20) for bone in (0, bones["spine01"])]
        return spheres

    def _shadow_bounds(self, surfaces: Sequence[Surface]) -> tuple[float, ...]:
        points = np.concatenate([vertices[::7] for vertices, _ in surfaces])
        seen = np.column_stack([points, np.ones(len(points))]) @ self.light_projection.T
        seen = seen[:, :2] * 0.5 + 0.5
        return (*map(float, seen.min(0)), *map(float, seen.max(0)))

    def _draw(self, *, person: bool) -> tuple[Picture, Picture]:
        context = self.context
        context.enable(moderngl.DEPTH_TEST)
        context.disable(moderngl.CULL_FACE)
        context.depth_func = "<"
        self.shadow.use()
        self.shadow.clear(depth=1.0)
        if person:
            self._set(list(self.shadow_only.values()), {"view_projection": _columns(self.light_projection)})
            for array in self.draw_shadow:
                array.render()
        self._draw_scene(person=person)
        context.disable(moderngl.DEPTH_TEST)
        self.occlusion.use()
        self.depth.use(0)
        self.colour.use(1)
        self.draw_occlusion.render(moderngl.TRIANGLES, 3)
        self.screen.use()
        self.colour.use(0)
        self.open.use(1)
        self.draw_screen.render(moderngl.TRIANGLES, 3)
        pixels = np.frombuffer(self.screen.read(components=4), np.uint8).reshape(self.size[1], self.size[0], 4)[::-1]
        return np.ascontiguousarray(pixels[:, :, :3]), np.ascontiguousarray(pixels[:, :, 3])

    def _draw_scene(self, *, person: bool) -> None:
        view = {"view_projection": _columns(self.view_projection)}
        self._set([*self.shade.values(), *self.depth_only.values()], view)
        self.shadow_map.use(0)
        for unit, texture in enumerate(self.baked, 2):
            texture.use(unit)
        self.scene.use()
        self.scene.clear(0, 0, 0, 0, depth=1.0)
        if person:
            self.scene.color_mask = ((False,) * 4,) * 2
            for array in self.draw_depth:
                array.render()
        self.scene.color_mask = ((True,) * 4,) * 2
        self.context.depth_func = "<="
        for material, array in self.draw_shaded:
            if person or material in STAGE:
                self.scene.depth_mask = material is Material.HAIR
                array.render()
        self.scene.depth_mask = True
