// a: along the lock, around it, its own shade (all 0..1).
uniform vec3 hair_colour;

void surface(inout Surface s) {
    float strand = noise(vec3(a.y * 9., a.x * 3., a.z * 90.));
    s.albedo = hair_colour * (.55 + .45 * smoothstep(0., .4, a.x) + .75 * (a.z - .5) + .35 * (strand - .5));
    s.roughness = .52;
    s.wrap = .2;
    s.rim = 1.4;
}

// Along the lock: where a.x grows fastest on the screen.
vec3 sheen(Surface s, vec3 view, float lit) {
    vec3 tangent = dFdx(p) * dFdx(a.x) + dFdy(p) * dFdy(a.x);
    if (dot(tangent, tangent) < 1e-16) return vec3(0.);
    return strand_sheen(s, view, lit, normalize(tangent), a.z) * .8;
}
