// Cloth that hangs. a: cosine and sine of the direction (0 front), metres below its upper edge, metres to the nearest open edge.
uniform vec3 colour_1, colour_2;
uniform float roughness, cloth_length, belt;

void surface(inout Surface s) {
    float around = atan(a.y, a.x), down = a.z;
    vec2 way = normalize(a.xy);
    s.albedo = colour_1;
    if (SKIRT_BANDS) s.albedo = mix(colour_1, colour_2, band(.5, .17, fract(down / .085)));
    if (SKIRT_CHECKS) {
        vec2 line = vec2(band(.5, .22, fract(around * 3.5)), band(.5, .22, fract(down / .10)));
        s.albedo = mix(colour_1, colour_2, .42 * (line.x + line.y));
    }
    if (SKIRT_FLOWERS) {
        vec2 grid = vec2(around * 3.5014, down / .085);
        vec2 cell = floor(grid);
        vec2 at = fract(grid) - .5 - .28 * (vec2(hash(vec3(cell, 1.)), hash(vec3(cell, 2.))) - .5);
        float petal = .24 + .07 * cos(5. * atan(at.y, at.x) + 6. * hash(vec3(cell, 3.)));
        s.albedo = mix(s.albedo, colour_2, 1. - edge(petal, length(at)));
        s.albedo = mix(s.albedo, mix(colour_1, vec3(.8, .6, .1), .7), 1. - edge(.08, length(at)));
    }
    vec2 fine = way * (MATERIAL == SLEEVES ? .4 : 1.);  // a sleeve is less far around
    float folds = fbm(vec3(fine * 7., down * 2.5)) + .5 * fbm(vec3(fine * 15., down * 5.));
    s.normal = bump(s.normal, folds, .012);
    if (SKIRT_PLEATS) {
        float pleat = abs(fract(around * 4.7746) - .5);
        s.normal = bump(s.normal, pleat, .020 * smoothstep(.02, .10, down));
        s.albedo *= 1. - .30 * smoothstep(.06, .0, pleat) * smoothstep(.02, .10, down);
    }
    if (down < belt) s.albedo = colour_2 * (.9 + .1 * band(belt * .5, belt * .38, down));
    if (cloth_length - down < .014 || a.w < .014) s.albedo *= .78;
    s.albedo *= .95 + .09 * fbm(vec3(way * 60., down * 300.));
    s.roughness = roughness;
    s.specular = .025;
}
