// Polished concrete in large slabs.
uniform vec3 floor_dark, floor_light;

vec3 surface(inout Surface s) {
    float cloud = fbm(vec3(p.xy * 1.7, 2.)) * .65 + fbm(vec3(p.xy * 9., 5.)) * .35;
    float speck = smoothstep(.70, .80, noise(vec3(p.xy * 90., 1.)));
    s.albedo = mix(floor_dark, floor_light, smoothstep(.25, .75, cloud)) * (1. - .10 * speck);
    vec2 slab = abs(fract((p.xy + vec2(.75, .2)) / 1.5) - .5) * 1.5;
    float joint = .75 - max(slab.x, slab.y);
    s.albedo *= mix(.55, 1., smoothstep(.001, .006, joint));
    s.roughness = .34 + .25 * cloud;
    return vec3(0.);
}
