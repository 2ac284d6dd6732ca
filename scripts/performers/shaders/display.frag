#version 330
// Blurs the occlusion, tone-maps, halves the resolution and dithers. Alpha is the person's coverage of the pixel.
in vec2 uv;
out vec4 screen;
uniform sampler2D colour, occlusion;

vec3 filmic(vec3 x) {  // Narkowicz 2015
    x *= .70;
    return clamp((x * (2.51 * x + .03)) / (x * (2.43 * x + .59) + .14), 0., 1.);
}

float blurred_occlusion() {
    vec2 e = 1. / vec2(textureSize(occlusion, 0));
    float sum = 0.;
    for (int i = -2; i <= 2; i++)
        for (int j = -2; j <= 2; j++) sum += texture(occlusion, uv + e * vec2(i, j)).r;
    return sum / 25.;
}

void main() {
    float open = blurred_occlusion();
    vec3 dim = mix(vec3(1.), vec3(open) + (1. - open) * vec3(.10, .05, .03), .85);
    ivec2 last = textureSize(colour, 0) - 1;
    vec4 sum = vec4(0.);
    for (int i = -1; i < 3; i++)
        for (int j = -1; j < 3; j++) {
            float w = (i == 0 || i == 1 ? .40 : .10) * (j == 0 || j == 1 ? .40 : .10);
            vec4 c = texelFetch(colour, clamp(ivec2(gl_FragCoord.xy) * 2 + ivec2(i, j), ivec2(0), last), 0);
            sum += w * vec4(filmic(c.rgb * dim), c.a);
        }
    vec3 s = pow(sum.rgb, vec3(1. / 2.2));
    s = mix(s, s * s * (3. - 2. * s), .12);
    float off_centre = length(uv - .5);
    s *= 1. - .28 * off_centre * off_centre;
    // The same dither in every frame: it hides banding, compresses to nothing and leaves still parts still.
    s += (fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - .5) * .008;
    screen = vec4(s, sum.a);
}
