#version 330
// Ambient occlusion in screen space, on the person only.
in vec2 uv;
out vec4 open;
uniform sampler2D depth, colour;
uniform vec4 lens;   // near, far, tangent of half the field of view, width by height
uniform vec2 texel;

vec3 at(vec2 u) {
    float d = texture(depth, u).r * 2. - 1.;
    float z = 2. * lens.x * lens.y / (lens.y + lens.x - d * (lens.y - lens.x));
    return vec3((u * 2. - 1.) * vec2(lens.w, 1.) * lens.z * z, z);
}

vec3 nearer(vec3 ahead, vec3 centre, vec3 behind) {
    return abs(ahead.z - centre.z) < abs(behind.z - centre.z) ? ahead - centre : centre - behind;
}

void main() {
    open = vec4(1.);
    if (texture(colour, uv).a < .01) return;
    vec3 c = at(uv);
    vec3 dx = nearer(at(uv + vec2(texel.x, 0)), c, at(uv - vec2(texel.x, 0)));
    vec3 dy = nearer(at(uv + vec2(0, texel.y)), c, at(uv - vec2(0, texel.y)));
    vec3 normal = normalize(cross(dy, dx));
    if (normal.z > 0.) normal = -normal;
    float turn = 6.2831 * fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453);
    float radius = .13 / (lens.z * c.z) * .5, hidden = 0.;
    for (int i = 0; i < 14; i++) {
        float t = turn + 2.399963 * float(i), away = radius * sqrt((float(i) + .5) / 14.);
        vec3 d = at(uv + away * vec2(cos(t) / lens.w, sin(t))) - c;
        float distance = length(d) + 1e-4;
        hidden += max(dot(normal, d) / distance - .12, 0.) * smoothstep(.22, .05, distance);
    }
    open = vec4(clamp(1. - hidden / 14. * 2.6, .25, 1.));
}
