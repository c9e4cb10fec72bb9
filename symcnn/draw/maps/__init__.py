"""Values as small pictures: which maps are shown, in which colours, as PNG."""
