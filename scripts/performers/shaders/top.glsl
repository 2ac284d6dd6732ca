// a: arm, leg, sleeve (above 0 beyond its seam), leg weight. Patterns: stripes, dots, a sweater with an emblem, open in
// front over a shirt, wrapped like a kimono, or plain.
uniform vec3 colour_1, colour_2;
uniform float roughness, chest_z;
uniform vec4 bend;  // elbows left, right; knees left, right: 0 straight to about 1
uniform vec2 hip_bend;

vec3 emblem(vec3 albedo, bool arm) {
    vec3 white = vec3(.93);
    if (arm) return mix(albedo, white, band(.80, .045, a.x) + band(.95, .02, a.x));
    vec2 at = vec2(r.x, r.z - chest_z);
    if (r.y < -.02) {
        float d = length(at), star = cos(atan(at.x, at.y) * 5.) * .016 + .036;
        return mix(mix(albedo, colour_2, band(.078, .012, d)), white, 1. - edge(star, d));
    }
    float bars = band(0., .016, at.y - .03) + band(-.05, .007, at.y - .03) + band(.05, .007, at.y - .03);
    return r.y > 0. ? mix(albedo, colour_2, step(abs(at.x), .13) * bars) : albedo;
}

void surface(inout Surface s) {
    if (outside_top(r, a, 0.)) discard;
    bool arm = a.z > 0.;
    float to_hem = arm ? top_edge.x - a.x : (r.z - top_edge.y) * 4.;
    float to_neck = neckline.x + neckline.z + .55 * (r.y - neckline.y) - r.z;
    bool collar = to_neck < .020 && length(vec2(r.x, r.y - neckline.y)) < .092;
    bool cuff = arm && top_edge.x - a.x < (top_edge.x > 1. ? .13 : .10);
    bool rib = !arm && r.z - top_edge.y < (PATTERN_EMBLEM ? .05 : .018);
    s.albedo = colour_1;
    if (PATTERN_STRIPES) {
        float stripe = fract((arm ? a.x * .30 : r.z) / .052);
        s.albedo = mix(colour_1, colour_2, 1. - edge(.23, abs(stripe - .5)));
        if (collar || cuff) s.albedo = colour_2;
    }
    if (PATTERN_DOTS) {  // in columns around the trunk and rows along its surface, so that dots are round everywhere
        vec2 out_from_spine = vec2(r.x, neckline.y - r.y);
        float around = atan(out_from_spine.x, out_from_spine.y) * 3.18310;
        float up = r.z + (.22 - length(out_from_spine)) * smoothstep(chest_z + .06, chest_z + .20, r.z);
        vec2 grid = vec2(around, up / .045);
        grid.x += .5 * floor(mod(grid.y, 2.));
        s.albedo = mix(colour_2, colour_1, edge(.22, length(fract(grid) - .5)));
        if (arm) s.albedo = colour_1;
        if (collar || cuff) s.albedo = colour_1 * .6;
    }
    if (PATTERN_OPEN) {
        float gap = .050 + .035 * smoothstep(chest_z - .25, neckline.x, r.z), aside = abs(r.x);
        if (!arm && r.y < neckline.y) {
            s.albedo = mix(colour_2, colour_1, edge(gap, aside)) * (1. - .45 * band(gap, .005, aside));
            if (collar && aside < gap) s.albedo = colour_2 * .8;
        }
    }
    if (PATTERN_WRAPPED && !arm && r.y < neckline.y) {
        float drop = neckline.x - r.z;  // one side lies over the other; both are edged
        float over = r.x + .045 - .42 * drop, under = -r.x + .045 - .42 * drop;
        float edging = band(.0, .022, over);
        edging = max(edging, band(.0, .022, under) * step(0., over));
        s.albedo = mix(s.albedo, colour_2, edging) * (1. - .35 * band(.024, .003, over));
    }
    if (PATTERN_EMBLEM) s.albedo = emblem(collar || cuff || rib ? colour_2 : colour_1, arm);

    float folds = arm ? (r.x > 0. ? bend.x : bend.y) * exp(-pow((a.x - 1.) / .3, 2.)) : 0.;
    folds += exp(-pow((a.x - .05) / .25, 2.)) * .15;
    if (!arm) folds += smoothstep(chest_z, top_edge.y, r.z) * (.35 + .5 * max(hip_bend.x, hip_bend.y));
    vec3 w = arm ? vec3(a.x * 17., r.y * 16., r.x * 6.) : r * vec3(9., 9., 22.);
    float height = fbm(w + 1.3 * fbm(r * 8.)) * (.30 + 1.4 * folds);
    s.normal = bump(s.normal, height, .011 * (PATTERN_STRIPES ? .8 : 1.25));
    if (cuff || collar || rib) {
        s.normal = bump(s.normal, sin(r.x * 420. + r.y * 300.), .0007);
        s.albedo *= .93;
    }
    s.albedo *= .95 + .09 * fbm(r * 300.);
    if (to_hem < .012 || to_neck < .003) s.albedo *= .75;
    s.roughness = roughness;
    s.specular = .025;
}
