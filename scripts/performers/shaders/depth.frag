// Depth only: for the shadow map (FROM_CAMERA 0) and the pre-pass that spares shading hidden fragments (FROM_CAMERA 1).
in vec3 p, n, r;
in vec4 a, light_p;

void main() {
    if (MATERIAL == SKIN && FROM_CAMERA == 1 && skin_covered(r, a)) discard;
    if (MATERIAL == TOP && outside_top(r, a, 0.)) discard;
    if (MATERIAL == BOTTOM && outside_bottom(r, a, 0.)) discard;
    if (MATERIAL == HAIR && a.x < .45) discard;
    if (MATERIAL == LASHES && FROM_CAMERA == 0) discard;
}
