#version 330
// World-space vertex: the CPU has skinned it already. `rest` and `attribute` do not move.
in vec3 position, normal_in, rest_in;
in vec4 attribute_in;
in float part_in;
uniform mat4 view_projection, light_projection;
uniform vec2 tucked;  // below which height of the rest pose a surface is drawn as if it were further away, and how far
out vec3 p, n, r;  // world position, world normal, rest position
out vec4 a, light_p;
flat out float part;  // label of the part of the body, see parts.py

void main() {
    p = position;
    n = normal_in;
    r = rest_in;
    a = attribute_in;
    part = part_in;
    light_p = light_projection * vec4(position, 1.);
    gl_Position = view_projection * vec4(position, 1.);
    if (rest_in.z < tucked.x) gl_Position.z += tucked.y * gl_Position.w;
}
