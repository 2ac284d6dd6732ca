"""Renders the bundled performers: clothed, dancing people, the empty stage, exact masks, known joints and dances."""
