"""The state of a space: the view that readers see, how it changes, and what it was before."""
