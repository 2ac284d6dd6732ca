// a: growth, then position relative to the skull.
uniform vec3 hair_colour;
uniform float made_up;

void surface(inout Surface s) {
    if (a.x + .35 * (fbm(r * vec3(240., 240., 60.)) - .5) < .52) discard;
    vec3 q = a.yzw;
    float strand = SHORT_HAIR ? fbm(r * vec3(170., 170., 130.))
                              : fbm(vec3(atan(q.x, q.z) * 42., q.y * 9., atan(q.x, q.y) * 3.));
    s.albedo = hair_colour * (.45 + 1.1 * strand);
    s.normal = bump(s.normal, strand, SHORT_HAIR ? .003 : .0022);
    s.roughness = .52;
    s.wrap = .2;
    s.rim = 1.6;
}

vec3 sheen(Surface s, vec3 view, float lit) {
    vec3 tangent = normalize(vec3(a.y * 3., 1., -a.w * 2.));
    return strand_sheen(s, view, lit, tangent, fbm(vec3(atan(a.y, a.w) * 30., a.z * 6., 1.)));
}
