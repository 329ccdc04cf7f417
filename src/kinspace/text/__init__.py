"""Words: what texts are cut into."""
