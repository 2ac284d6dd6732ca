// a: arm, leg, angle from the outer seam, leg weight. Patterns: leggings with a side stripe, or denim.
uniform vec3 colour_1, colour_2;
uniform float roughness;
uniform vec4 bend;
uniform vec2 hip_bend;

void surface(inout Surface s) {
    if (outside_bottom(r, a, 0.)) discard;
    float knee = (r.x > 0. ? bend.z : bend.w) * exp(-pow((a.y - 1.) / .28, 2.));
    float hip = (r.x > 0. ? hip_bend.x : hip_bend.y) * exp(-pow((a.y - .05) / .22, 2.));
    float ankle = smoothstep(1.55, 1.95, a.y);
    float to_waist = bottom_edge.y - r.z;
    s.albedo = colour_1;
    if (PATTERN_SIDE_STRIPE) {
        float height = fbm(vec3(r.xy * 12., r.z * 30.)) * (.12 + .9 * knee + .6 * hip);
        s.normal = bump(s.normal, height, .008);
        s.albedo = mix(s.albedo, colour_2, 1. - edge(.14, a.z) + band(.25, .035, a.z));
        if (to_waist < .04) s.albedo *= 1.6;
        s.specular = .05;
    } else {
        float height = fbm(vec3(r.xy * 11., r.z * 24.) + 1.2 * fbm(r * 9.));
        s.normal = bump(s.normal, height * (.3 + 1.4 * knee + 1.1 * hip + 1.2 * ankle), .011);
        s.albedo *= .80 + .40 * fbm(r * vec3(9., 9., 4.));
        s.albedo *= 1. - .35 * (1. - edge(.02, a.z));
        s.albedo *= 1. + .35 * .55 * exp(-pow((a.y - .55) / .45, 2.));
        s.albedo *= .93 + .14 * noise(r * vec3(260., 260., 500.));
        if (to_waist < .04) s.albedo *= .85;
        s.specular = .025;
    }
    if (bottom_edge.x - a.y < .02) s.albedo *= .8;
    s.roughness = roughness;
}
