"""Phone footage with known answers: a rendered performer in a room, filmed by cameras and in light that are hard."""
