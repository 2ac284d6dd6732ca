// Wide wooden boards. surface() of the stage returns light the surface gives off itself.
uniform vec3 floor_dark, floor_light;

vec3 surface(inout Surface s) {
    vec2 g = p.xy / vec2(.22, 1.7);
    float row = floor(g.x);
    g.y += hash(vec3(row, 3., 1.)) * 3.;
    float id = hash(vec3(row, floor(g.y), 5.));
    vec2 f = fract(g);
    float grain = fbm(vec3(p.x * 26., p.y * 1.6 + id * 30., id * 9.));
    float gap = min(min(f.x, 1. - f.x) * .22, min(f.y, 1. - f.y) * 1.7);
    s.albedo = mix(floor_dark, floor_light, id * .55 + .45 * grain) * mix(.45, 1., smoothstep(0., .004, gap));
    s.roughness = .38 + .2 * grain;
    s.normal = normalize(vec3((id - .5) * .02, 0., 1.));
    return vec3(0.);
}
