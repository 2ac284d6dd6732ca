// A light wall with a tall window on the left, a low radiator under it and a plain picture rail.
uniform vec3 wall_top, wall_bottom, accent;

vec3 surface(inout Surface s) {
    s.albedo = mix(wall_bottom, wall_top, smoothstep(0., 2.8, p.z)) * (.97 + .05 * fbm(p * 3.));
    s.roughness = .9;
    s.specular = .02;
    s.albedo *= 1. - .30 * band(2.02, .012, p.z);
    if (p.z < .15) s.albedo = vec3(.80, .79, .76) * (p.z > .138 ? .7 : 1.);
    vec2 door = p.xz - vec2(1.45, .98);
    if (abs(door.x) < .43 && p.z < 1.98) {
        s.albedo = vec3(.20, .29, .27) * (max(abs(door.x) / .43, door.y / 1.) > .955 ? 1.5 : 1.);
        vec2 panel = abs(vec2(door.x, mod(p.z, .92) - .50)) - vec2(.29, .30);
        float rim = abs(max(panel.x, panel.y));
        if (rim < .014) s.albedo *= panel.x > panel.y ? .7 : 1.35;
    }
    vec2 q = p.xz - vec2(-1.30, 1.42), size = vec2(.52, .62);
    if (max(abs(q.x) - size.x, abs(q.y) - size.y) > 0.) return vec3(0.);
    vec2 pane = abs(fract(q / size * vec2(1., 1.5) + .5) - .5) * size / vec2(1., 1.5);
    bool frame = min(size.x - abs(q.x), size.y - abs(q.y)) < .045 || min(pane.x, pane.y) < .013;
    s.albedo = frame ? vec3(.84, .83, .80) : vec3(.02);
    vec3 sky = mix(vec3(.86, .90, .92), accent, smoothstep(-.4, .6, q.y));
    float hills = .30 * fbm(vec3(q.x * 3., 1., 4.)) - .52;
    sky = mix(vec3(.26, .38, .22), sky, smoothstep(hills, hills + .02, q.y));
    return frame ? vec3(0.) : sky * .85;
}
