"""What is known of columns beside segments, and what it makes of filters: which rows, and how many."""
