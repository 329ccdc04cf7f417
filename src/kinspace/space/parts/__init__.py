"""The parts of a view, segments and the log in memory: what their rows are, their graphs and planes."""
