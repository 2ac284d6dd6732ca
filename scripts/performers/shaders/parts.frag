#version 330
// Halves the resolution of the part labels as display.frag does that of the picture: the label that covers most of a pixel, and
// nothing where the person covers less than half of it.
out vec4 screen;
uniform sampler2D labels;

void main() {
    ivec2 last = textureSize(labels, 0) - 1;
    float covered[8] = float[8](0., 0., 0., 0., 0., 0., 0., 0.), person = 0.;
    for (int i = -1; i < 3; i++)
        for (int j = -1; j < 3; j++) {
            float w = (i == 0 || i == 1 ? .40 : .10) * (j == 0 || j == 1 ? .40 : .10);
            int label = int(texelFetch(labels, clamp(ivec2(gl_FragCoord.xy) * 2 + ivec2(i, j), ivec2(0), last), 0).r * 255. + .5);
            covered[label] += w;
            person += label > 0 ? w : 0.;
        }
    int best = 1;
    for (int k = 2; k < 8; k++)
        if (covered[k] > covered[best]) best = k;
    screen = vec4(person < .5 ? 0. : float(best) / 255.);
}
