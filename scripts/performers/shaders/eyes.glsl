// a.x: degrees from straight ahead.
uniform vec3 iris_colour;

void surface(inout Surface s) {
    s.albedo = mix(vec3(.82, .80, .78), iris_colour * .8, 1. - edge(27., a.x));
    s.albedo = mix(s.albedo, iris_colour * 1.7, band(19., 4., a.x) * .5);
    s.albedo = mix(s.albedo, vec3(.01), 1. - edge(11., a.x)) * .85;
    s.roughness = .12;
    s.specular = .05;
    s.wrap = .3;
}

vec3 sheen(Surface s, vec3 view, float lit) {
    vec3 softbox = normalize(vec3(-.30, -.87, .38));  // beside the camera: without its reflection eyes look dead
    return vec3(.8) * smoothstep(.975, .985, dot(reflect(-view, s.normal), softbox));
}
