// Lights one material of the person. The material's file has defined surface(), inside() and sheen().
layout(location = 0) out vec4 colour;
layout(location = 1) out float label;
flat in float part;
const float INSIDE = .35;  // how much of its albedo cloth keeps on the inside, where little light gets

void main() {
    vec3 view = normalize(camera - p);
    Surface s = Surface(vec3(.5), normalize(n), .6, .04, 0., 0., 1.);
    surface(s);
    if (MATERIAL != EYES && !gl_FrontFacing) {
        s.normal = -s.normal;
        s.albedo *= INSIDE;
    }
    float n_dot_l = dot(s.normal, light), n_dot_v = max(dot(s.normal, view), .02);
    float lit = shadow(max(n_dot_l, 0.), .004);
    float soft = clamp((n_dot_l + s.wrap) / (1. + s.wrap), 0., 1.);
    vec3 diffuse = vec3(soft);
    if (s.scatter > 0.) {
        diffuse = vec3(smoothstep(-.35 * s.scatter, 1., n_dot_l), soft, soft * .97);
        lit = mix(lit, 1., .06 * s.scatter);
    }
    vec3 sum = (s.albedo * diffuse * light_colour + key_gloss(s, view)) * lit;
    sum += s.albedo * ambient(s.normal) + sky_gloss(s, view);

    vec3 behind_right = normalize(vec3(.75, .62, .35)), behind_left = normalize(vec3(-.85, .55, .1));
    vec3 rim_albedo = (s.albedo * .75 + .06) * s.rim;
    float right = pow(1. - n_dot_v, 2.2) * clamp(dot(s.normal, behind_right) * 1.2 + .15, 0., 1.);
    float left = pow(1. - n_dot_v, 2.6) * clamp(dot(s.normal, behind_left), 0., 1.);
    sum += (vec3(1., .93, .84) * right * .75 + vec3(.55, .70, 1.) * left * .45) * rim_albedo;
    sum += sheen(s, view, lit);
    colour = vec4(sum, 1.);
    label = part / 255.;
}
