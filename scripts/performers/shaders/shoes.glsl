// a: height above the foot's sole, leg, distance from the toe.
uniform vec3 colour_1, colour_2, colour_3;

void surface(inout Surface s) {
    float z = a.x, toe = a.z;
    s.specular = .045;
    if (z < .026) {
        s.albedo = band(.012, .0022, z) > .5 ? colour_2 : colour_3;
        s.roughness = .6;
        return;
    }
    s.albedo = colour_1;
    s.roughness = .45;
    if (toe > .10 && toe < .166 && z > .03 && z < .075)
        s.albedo = mix(colour_1, colour_2, band(.5, .22, fract((toe + z * .5) / .022)));
    if (toe > .21) s.albedo = mix(colour_1, colour_2, .85);
    if (toe < .06 && z < .05) s.albedo = colour_1 * .85;
    if (toe > .06 && toe < .15 && abs(fract(toe / .016) - .5) < .2 && z > .052) s.albedo = colour_3;
    if (z < .029) s.albedo *= .55;
    s.normal = bump(s.normal, fbm(r * 90.), .0006);
}
