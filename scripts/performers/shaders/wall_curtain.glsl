// A velvet curtain in folds with a string of bulbs above.
uniform vec3 wall_top, wall_bottom, accent;

vec3 surface(inout Surface s) {
    float wave = p.x * 15. + 1.2 * sin(p.x * 4.3) + .25 * sin(p.z * 1.7 + p.x * 3.);
    float fold = .5 + .5 * sin(wave);
    s.albedo = mix(wall_bottom, wall_top, smoothstep(0., 2.8, p.z)) * (.30 + .95 * fold * fold);
    s.albedo *= .92 + .16 * fbm(p * vec3(40., 1., 6.));
    s.normal = normalize(vec3(-.5 * cos(wave), -1., 0.));
    if (p.z < .16) s.albedo = mix(s.albedo, vec3(.55, .38, .12), band(.10, .035, p.z) * .8);
    s.roughness = .85;
    s.specular = .03;
    float droop = 2.26 + .10 * cos(p.x * 3.1);
    if (abs(p.z - droop) < .008) s.albedo = vec3(.02);
    vec2 bulb = vec2(mod(p.x + .16, .32) - .16, p.z - droop + .05);
    float glow = exp(-dot(bulb, bulb) * 90.) * .30 + smoothstep(.034, .026, length(bulb)) * 2.2;
    return accent * glow;
}
