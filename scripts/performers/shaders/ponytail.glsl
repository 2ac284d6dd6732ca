// a: along the tail, around it (both 0..1).
uniform vec3 hair_colour, colour_2;

void surface(inout Surface s) {
    float strand = fbm(vec3(cos(a.y * 6.283) * 9., sin(a.y * 6.283) * 9., a.x * 3.));
    s.albedo = a.x > .035 && a.x < .10 ? colour_2 : hair_colour * (.45 + 1.1 * strand);
    s.normal = bump(s.normal, strand, .004);
    s.roughness = .52;
    s.wrap = .2;
    s.rim = 1.6;
}

vec3 sheen(Surface s, vec3 view, float lit) {
    return strand_sheen(s, view, lit, vec3(0, 0, 1), fbm(vec3(a.y * 40., a.x * 3., 1.)));
}
