// a: arm, leg, lips, hair growth.
uniform vec3 skin_colour, lip_colour, hair_colour, eye_left, skull;
uniform float lip_strength, brow_strength, beard, made_up;

float brow(float outward, float above, float depth) {
    float arch = .0045 * sin(clamp((outward + .018) / .044, 0., 1.) * 3.) - .10 * max(outward - .012, 0.);
    float width = mix(.0046, .0034, made_up) * smoothstep(.031, .008, outward);
    float line = abs(above - mix(.0225, .0255, made_up) - arch);
    float hairs = .75 + .5 * noise(vec3(r.x * 1400. + r.z * 900., r.z * 260., 1.));
    return hairs * smoothstep(width * 1.35, width * .4, line) * smoothstep(-.024, -.013, outward)
        * smoothstep(.031, .026, outward) * step(depth, -.045);
}

float stubble(vec3 q, float above, float lip) {
    float jaw = smoothstep(-.035, -.07, q.z) * smoothstep(.03, -.02, q.y) * smoothstep(-.19, -.15, q.z);
    float cheek = smoothstep(-.045, -.075, above - .75 * max(abs(r.x) - .02, 0.)) * smoothstep(-.17, -.145, q.z);
    float grain = smoothstep(0., .3, fbm(r * vec3(60., 60., 30.)) + .1) * smoothstep(.25, .6, fbm(r * 70.) + .25);
    return beard * jaw * cheek * grain * (1. - lip);
}

void surface(inout Surface s) {
    if (a.z < 0. || skin_covered(r, a)) discard;
    float mottle = fbm(r * 34.);
    s.albedo = skin_colour * (.93 + .14 * mottle);
    vec3 q = r - skull;
    float above = r.z - eye_left.z, outward = abs(r.x) - abs(eye_left.x);
    float face = smoothstep(.02, -.03, q.y) * smoothstep(-.16, -.12, q.z);
    vec2 cheek = vec2(abs(r.x) - .045, above + .045);
    s.albedo *= mix(vec3(1.), vec3(1.06, .82, .80), face * .55 * exp(-dot(cheek, cheek) * 1400.));
    float nose = exp(-(r.x * r.x * 5000. + pow(above + .035, 2.) * 3000.));
    s.albedo *= mix(vec3(1.), vec3(1.04, .88, .85), face * .5 * nose);
    float lip = smoothstep(.12, .32, a.z);
    s.albedo = mix(s.albedo, lip_colour * (.9 + .2 * mottle), lip * lip_strength);
    s.albedo = mix(s.albedo, hair_colour * .6 + skin_colour * .05, min(brow(outward, above, q.y) * brow_strength, .92));
    float socket = step(q.y, -.04) * smoothstep(.019, .012, length(vec2(outward * .78, above)));
    s.albedo *= mix(vec3(1.), vec3(.55, .45, .45), socket * mix(.35, .50, made_up));
    float shaved = stubble(q, above, lip);
    s.albedo = mix(s.albedo, hair_colour * .8 + .02 * skin_colour, shaved * .85);
    float hair = smoothstep(.32, .5, a.w + .12 * (fbm(r * vec3(160., 160., 50.)) - .5));
    s.albedo = mix(s.albedo, hair_colour, hair * .95);
    s.roughness = mix(mix(.50, .32, lip), .6, hair);
    s.scatter = .9 * (1. - hair) * (1. - shaved);
    s.specular = .032;
    s.wrap = .25;
    s.normal = bump(s.normal, fbm(r * 220.), .0004);
}
