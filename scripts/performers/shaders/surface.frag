// Where on the body each pixel lies, in place of its light: two coordinates on one of the charts of surface.py, in metres of the
// rest pose, and the chart. The material's file is asked as person.frag asks it, for it may leave a fragment out.
layout(location = 0) out vec4 place;
flat in float part;
const float NO_CHART = -1.;
const vec2 TAIL = vec2(.34, .22);  // length of a pony tail, and the way around it

void main() {
    Surface s = Surface(vec3(.5), normalize(n), .6, .04, 0., 0., 1.);
    surface(s);
    if (MATERIAL == PONYTAIL) {
        place = vec4(a.xy * TAIL, TAIL_CHART, 1.);
        return;
    }
    vec3 out_of_it = cross(dFdx(r), dFdy(r)), size = abs(out_of_it);
    float axis = size.x > size.y && size.x > size.z ? 0. : size.y > size.z ? 2. : 4.;
    vec2 along = axis == 0. ? r.yz : axis == 2. ? r.xz : r.xy;
    float side = axis == 0. ? out_of_it.x : axis == 2. ? out_of_it.y : out_of_it.z;
    float chart = part * 6. + axis + (side > 0. ? 1. : 0.);
    place = vec4(along, gl_FrontFacing || MATERIAL == EYES ? chart : NO_CHART, 1.);
}
