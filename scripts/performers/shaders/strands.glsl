// Two lobes along the strands (Kajiya and Kay 1989).
vec3 strand_sheen(Surface s, vec3 view, float lit, vec3 tangent, float grain) {
    tangent = normalize(tangent - s.normal * dot(s.normal, tangent));
    float along = dot(tangent, normalize(light + view));
    float sine = sqrt(max(1. - along * along, 0.));
    float lobes = .55 * pow(sine, 38.) + .25 * pow(sine, 9.);
    float facing = smoothstep(-.1, .4, dot(s.normal, light));
    return (s.albedo * 1.2 + .02) * light_colour * lit * (.5 + .8 * grain) * lobes * facing;
}
