"""Words: the indexes of columns that are searched as text, and searches by words."""
