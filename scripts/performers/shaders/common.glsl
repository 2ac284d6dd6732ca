// Inputs, noise, edges and shadows shared by all materials.
in vec3 p, n, r;
in vec4 a, light_p;
uniform vec3 camera, light, light_colour;
uniform sampler2DShadow shadow_map;
uniform float shadow_scale;  // 1 when the shadow map covers the whole stage, more when it covers less

struct Surface {
    vec3 albedo, normal;
    float roughness, specular;
    float scatter;  // light under the skin
    float wrap;     // light around the terminator
    float rim;
};

float hash(vec3 q) {
    q = fract(q * .3183099 + .1) * 17.;
    return fract(q.x * q.y * q.z * (q.x + q.y + q.z));
}

float noise(vec3 x) {
    vec3 i = floor(x), f = fract(x);
    f = f * f * (3. - 2. * f);
    vec4 near = vec4(hash(i), hash(i + vec3(1, 0, 0)), hash(i + vec3(0, 1, 0)), hash(i + vec3(1, 1, 0)));
    vec4 far = vec4(hash(i + vec3(0, 0, 1)), hash(i + vec3(1, 0, 1)), hash(i + vec3(0, 1, 1)), hash(i + vec3(1, 1, 1)));
    vec4 z = mix(near, far, f.z);
    return mix(mix(z.x, z.y, f.x), mix(z.z, z.w, f.x), f.y);
}

float fbm(vec3 x) {
    return .55 * noise(x) + .3 * noise(x * 2.1 + 3.) + .15 * noise(x * 4.3 + 7.);
}

// Bump mapping from screen-space derivatives of a height (Mikkelsen 2010), slope limited.
vec3 bump(vec3 normal, float height, float strength) {
    vec3 dx = dFdx(p), dy = dFdy(p);
    vec3 r1 = cross(dy, normal), r2 = cross(normal, dx);
    float area = dot(dx, r1);
    vec3 tilt = sign(area) * (dFdx(height) * r1 + dFdy(height) * r2) * strength / max(abs(area), 1e-9);
    float steep = length(tilt);
    if (steep > .75) tilt *= .75 / steep;
    return normalize(normal - tilt);
}

// Antialiased step and band.
float edge(float at, float x) {
    float w = fwidth(x) + 1e-5;
    return smoothstep(at - w, at + w, x);
}

float band(float centre, float half_width, float x) {
    return edge(centre - half_width, x) * (1. - edge(centre + half_width, x));
}

// Soft shadow: five taps decide whether the penumbra needs fourteen more (Vogel disc, rotated per pixel).
float shadow(float n_dot_l, float radius) {
    vec3 q = light_p.xyz / light_p.w * .5 + .5;
    radius *= shadow_scale;
    float depth = q.z - (.0012 + .0022 * (1. - n_dot_l)) * min(shadow_scale, 1.);
    float lit = texture(shadow_map, vec3(q.xy, depth));
    for (int i = 0; i < 4; i++) {
        float t = 1.5708 * float(i) + .4;
        lit += texture(shadow_map, vec3(q.xy + radius * vec2(cos(t), sin(t)), depth));
    }
    if (lit < .01) return 0.;
    if (lit > 4.99) return 1.;
    float turn = 6.2831 * hash(vec3(gl_FragCoord.xy * .37, 1.));
    lit = 0.;
    for (int i = 0; i < 14; i++) {
        float t = 2.399963 * float(i) + turn, away = sqrt((float(i) + .5) / 14.) * radius;
        lit += texture(shadow_map, vec3(q.xy + away * vec2(cos(t), sin(t)), depth));
    }
    return lit / 14.;
}

float ggx(float n_dot_h, float alpha) {
    float a2 = alpha * alpha, d = n_dot_h * n_dot_h * (a2 - 1.) + 1.;
    return a2 / (3.1416 * d * d);
}

// Sky from above, warm bounce from the floor, fill from the camera's right.
vec3 ambient(vec3 normal) {
    vec3 sky = mix(vec3(.34, .24, .17), vec3(.50, .54, .62), normal.z * .5 + .5) * .36;
    vec3 fill = normalize(vec3(.85, -.75, .25));
    return sky + vec3(.36, .38, .44) * .42 * clamp(dot(normal, fill) * .6 + .4, 0., 1.);
}

vec3 key_gloss(Surface s, vec3 view) {
    vec3 half_way = normalize(light + view);
    float n_dot_l = dot(s.normal, light), n_dot_v = max(dot(s.normal, view), .02);
    float a2 = max(s.roughness * s.roughness, .03);
    float fresnel = s.specular + (1. - s.specular) * pow(1. - max(dot(view, half_way), 0.), 5.);
    float visible = 1. / (4. * mix(n_dot_v * max(n_dot_l, .05), 1., a2 * .5) + .2);
    return light_colour * max(n_dot_l, 0.) * fresnel * min(ggx(max(dot(s.normal, half_way), 0.), a2) * visible, 8.);
}

vec3 sky_gloss(Surface s, vec3 view) {
    float n_dot_v = max(dot(s.normal, view), .02);
    return vec3(.5, .55, .65) * (s.specular + (1. - s.roughness) * .5 * pow(1. - n_dot_v, 5.)) * .5;
}
