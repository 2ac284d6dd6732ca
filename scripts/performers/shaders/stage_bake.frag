// The empty stage, once: what the key light adds (so that a shadow can take it away) apart from all other light.
layout(location = 0) out vec4 others;
layout(location = 1) out vec4 key;

void main() {
    vec3 view = normalize(camera - p);
    Surface s = Surface(vec3(.5), normalize(n), .6, .04, 0., 0., 1.);
    vec3 glow = surface(s);
    bool is_floor = MATERIAL == FLOOR;
    float corner = is_floor ? mix(.62, 1., smoothstep(0., .6, 1.9 - p.y)) : mix(.7, 1., smoothstep(0., .5, p.z));
    float falloff = is_floor ? mix(1., .6, smoothstep(.9, 2.4, length(p.xy - vec2(0., .1))))
                             : mix(1.08, .55, smoothstep(.2, 1.5, length((p.xz - vec2(-.1, 1.3)) * vec2(.42, .5))));
    vec3 lit = s.albedo * max(dot(s.normal, light), 0.) * light_colour + key_gloss(s, view);
    vec3 rest = (s.albedo * ambient(s.normal) + sky_gloss(s, view) * (is_floor ? 1.6 : 1.)) * corner;
    key = vec4(lit * falloff, 0.);
    others = vec4(rest * falloff + glow, 0.);
}
