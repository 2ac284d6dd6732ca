// A dark painted wall with mouldings, a round lamp that glows on the left and a shelf of records on the right.
uniform vec3 wall_top, wall_bottom, accent;

// Height of a rectangular moulding's profile, and how it catches the light from above left.
float moulding(vec2 q, vec2 half_size) {
    vec2 d = abs(q) - half_size;
    float ring = abs(max(d.x, d.y));
    if (ring > .018) return 1.;
    bool upright = d.x > d.y;
    float outer = max(d.x, d.y) > 0. ? 1. : -1.;
    float facing = upright ? -sign(q.x) : sign(q.y);
    return 1. + .42 * facing * outer * smoothstep(.018, .006, ring);
}

vec3 record(float id) {
    vec3 hue = .5 + .5 * cos(6.283 * (id + vec3(0., .33, .67)));
    return mix(vec3(.50, .40, .28), hue * .45, .5) * (.35 + .65 * hash(vec3(id * 91., 2., 3.)));
}

bool shelf(vec2 q, inout vec3 albedo) {
    if (abs(q.x) > .43 || q.y < -.035 || q.y > .33) return false;
    if (q.y < 0.) {
        albedo = vec3(.36, .23, .13) * (.85 + .3 * fbm(vec3(q * vec2(9., 60.), 1.)));
        if (q.y < -.024) albedo *= .6;
        return true;
    }
    float spine = (q.x + .43) / .034, id = hash(vec3(floor(spine), 7., 1.));
    float tall = .21 + .08 * id;
    if (q.x > .12 || q.y > tall) return false;
    albedo = record(id) * (abs(fract(spine) - .5) > .44 ? .4 : 1.);
    albedo = mix(albedo, vec3(.85, .82, .76), band(.14, .012, q.y) * step(.5, id));
    return true;
}

bool plant(vec2 q, inout vec3 albedo) {
    if (q.y > 0. && q.y < .12 && abs(q.x) < .058 - .12 * (.12 - q.y) * .8) {
        albedo = vec3(.80, .76, .70) * (1. - .35 * smoothstep(-.03, .06, q.x));
        return true;
    }
    for (int i = 0; i < 7; i++) {
        float turn = (float(i) - 3.) * .36, reach = .22 - .02 * abs(float(i) - 3.);
        vec2 d = q - vec2(0., .10);
        vec2 leaf = vec2(d.x * cos(turn) - d.y * sin(turn), d.x * sin(turn) + d.y * cos(turn));
        float along = leaf.y / reach;
        if (along > 0. && along < 1. && abs(leaf.x) < .026 * sin(3.1416 * pow(along, .7))) {
            albedo = mix(vec3(.06, .17, .07), vec3(.14, .32, .12), along) * (leaf.x > 0. ? .75 : 1.1);
            return true;
        }
    }
    return false;
}

vec3 surface(inout Surface s) {
    s.roughness = .8;
    s.specular = .02;
    s.albedo = mix(wall_bottom, wall_top, smoothstep(0., 2.6, p.z)) * (.96 + .07 * fbm(p * 3.));
    s.albedo *= moulding(vec2(mod(p.x + .55, 1.1) - .55, p.z - .50), vec2(.43, .24));
    s.albedo *= moulding(vec2(mod(p.x + .55, 1.1) - .55, p.z - 1.72), vec2(.43, .72));
    s.albedo *= 1. + .5 * band(.895, .012, p.z) - .35 * band(.868, .014, p.z);
    if (p.z < .13) s.albedo = wall_top * .8 * (p.z > .115 ? 1.6 : 1.);

    vec2 at = p.xz - vec2(1.06, 1.40);
    float under = smoothstep(.13, 0., -at.y - .035) * step(at.y, -.035) * smoothstep(.50, .40, abs(at.x));
    s.albedo *= 1. - .45 * under;
    if (!plant(at - vec2(.28, 0.), s.albedo)) shelf(at, s.albedo);

    float d = length(p.xz - vec2(-1.05, 1.62));
    float tube = exp(-pow((d - .30) / .012, 2.)), halo = exp(-abs(d - .30) * 5.5);
    return accent * (tube * 2.2 + halo * .22) + vec3(1., .9, .75) * tube;
}
