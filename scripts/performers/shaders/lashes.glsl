uniform vec3 hair_colour;

void surface(inout Surface s) {
    s.albedo = hair_colour * .3;
    s.roughness = .8;
}
