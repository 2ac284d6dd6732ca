vec3 sheen(Surface s, vec3 view, float lit) {
    return vec3(0.);
}
