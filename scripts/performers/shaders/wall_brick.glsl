// Bricks, a painted ring of colour and a dark skirting.
uniform vec3 wall_top, wall_bottom, accent;

vec3 surface(inout Surface s) {
    vec2 g = p.xz / vec2(.25, .082);
    g.x += .5 * mod(floor(g.y), 2.);
    vec2 cell = floor(g), f = abs(fract(g) - .5);
    float id = hash(vec3(cell, 3.));
    float mortar = max(smoothstep(.455, .485, f.x), smoothstep(.40, .455, f.y));
    vec3 brick = mix(wall_bottom, wall_top, .25 + .75 * id) * (.72 + .5 * fbm(p * vec3(22., 1., 30.)));
    float ring = length(p.xz - vec2(.82, 1.35)), worn = .55 + .45 * smoothstep(.35, .6, fbm(p * vec3(9., 1., 9.)));
    brick = mix(brick, accent * .55, band(.40, .085, ring) * worn * .85);
    vec2 bar = p.xz - vec2(-1.02, 1.28);
    brick = mix(brick, vec3(.70, .55, .16) * .7, step(abs(bar.x + .25 * bar.y), .07) * step(abs(bar.y), .55) * worn * .85);
    s.albedo = mix(brick, vec3(.36, .34, .32) * (.8 + .3 * fbm(p * 40.)), mortar);
    if (p.z < .12) s.albedo = vec3(.045);
    s.roughness = .92;
    s.specular = .02;
    return vec3(0.);
}
