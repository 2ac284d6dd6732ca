// The baked stage under the person: the key light's shadow and the dimming close to feet and body.
layout(location = 0) out vec4 colour;
layout(location = 1) out float label;
uniform sampler2D baked_others, baked_key;
uniform vec4 shadow_bounds;  // the person's bounding box in the shadow map
uniform vec4 occluders[6];   // spheres: centre and radius

float contact() {
    float open = 1.;
    for (int i = 0; i < 6; i++) {
        vec3 d = occluders[i].xyz - p;
        float l2 = dot(d, d), radius = occluders[i].w;
        open *= 1. - clamp(max(dot(n, d) * inversesqrt(l2), 0.) * radius * radius / l2, 0., .85);
    }
    return open;
}

void main() {
    vec4 others = texelFetch(baked_others, ivec2(gl_FragCoord.xy), 0);
    vec4 key = texelFetch(baked_key, ivec2(gl_FragCoord.xy), 0);
    vec2 q = light_p.xy / light_p.w * .5 + .5;
    bool near = all(greaterThan(q, shadow_bounds.xy - .03)) && all(lessThan(q, shadow_bounds.zw + .03));
    float lit = near ? shadow(1., MATERIAL == FLOOR ? .011 : .018) : 1.;
    float open = MATERIAL == FLOOR || p.z < .6 ? contact() : 1.;
    label = 0.;
    colour = vec4(others.rgb * open + key.rgb * lit, 0.);
}
