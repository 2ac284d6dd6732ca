// Where cloth ends. r: rest position; a: limb coordinates (arm, leg, sleeve, leg weight); m: metres inside the edge.
uniform vec3 top_edge;     // sleeve end, hem height, ankle height
uniform vec2 bottom_edge;  // leg end, waist height
uniform vec3 neckline;     // base of the neck: height and depth; height of the collar above it

bool outside_top(vec3 r, vec4 a, float m) {
    bool arm = a.x > 0.;
    if (arm && a.x > top_edge.x - m) return true;
    if (!arm && (r.z < top_edge.y + m || a.w > .9)) return true;
    return r.z > neckline.x + neckline.z + .55 * (r.y - neckline.y) - m * .6;
}

bool outside_bottom(vec3 r, vec4 a, float m) {
    return r.z > bottom_edge.y - m || a.y > bottom_edge.x - m;
}

// Skin under cloth is not drawn: it would poke through.
bool skin_covered(vec3 r, vec4 a) {
    vec4 limb = vec4(a.xy, 0., 0.);
    if (!outside_top(r, limb, .03)) return true;
    return a.x < 0. && (!outside_bottom(r, limb, .03) || r.z < top_edge.z + .02);
}
