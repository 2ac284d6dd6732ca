// Chequered tiles with a little gloss.
uniform vec3 floor_dark, floor_light;

vec3 surface(inout Surface s) {
    vec2 g = p.xy / .42 + vec2(.5, .2);
    vec2 f = abs(fract(g) - .5);
    float joint = .5 - max(f.x, f.y);
    float light_tile = mod(floor(g.x) + floor(g.y), 2.);
    float cloud = fbm(vec3(p.xy * 6., light_tile * 7.));
    s.albedo = mix(floor_dark, floor_light, light_tile) * (.86 + .28 * cloud) * mix(.5, 1., smoothstep(.003, .010, joint));
    s.roughness = .30 + .15 * cloud;
    return vec3(0.);
}
