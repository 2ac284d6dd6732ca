// Plaster with a framed poster on the left, wooden slats on the right and a white skirting board.
uniform vec3 wall_top, wall_bottom, accent;

vec3 poster(vec2 q, vec2 size) {
    if (max(abs(q.x) / size.x - .955, abs(q.y) / size.y - .968) > 0.) return vec3(.05);
    vec3 ink = vec3(.08, .09, .12);
    vec3 paper = mix(vec3(.90, .88, .82), accent, 1. - edge(.24, length(q - vec2(.05, .12))));
    paper = mix(paper, vec3(.95, .75, .2), band(0., .05, q.x + q.y * .6 + .1) * step(q.y, .35));
    paper = mix(paper, ink, band(-.43, .03, q.y) * step(abs(q.x), .30));
    return mix(paper, ink, band(-.52, .012, q.y) * step(abs(q.x), .22));
}

vec3 surface(inout Surface s) {
    s.albedo = mix(wall_bottom, wall_top, smoothstep(0., 2.8, p.z)) * (.97 + .05 * fbm(p * 3.));
    vec2 q = p.xz - vec2(-.97, 1.47), size = vec2(.38, .545);
    if (abs(q.x) < size.x && abs(q.y) < size.y) s.albedo = poster(q, size);
    float across = (p.x - .70) / .094, slat = abs(fract(across) - .5);
    if (p.x > .70 && p.x < 1.64 && p.z < 2.02 && p.z > .11) {
        s.albedo = mix(s.albedo * .62, vec3(.30, .20, .13), .75) * (.75 + .35 * smoothstep(0., .5, .5 - slat));
        if (slat > .40) s.albedo *= .35;
    }
    if (p.z < .11) s.albedo = vec3(.86, .85, .83) * (p.z > .10 ? .7 : 1.);
    s.roughness = .9;
    s.specular = .02;
    return vec3(0.);
}
