"""Words to vectors: the embedders that need no model and no network."""
