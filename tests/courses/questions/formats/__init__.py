"""Files of questions: what is taken from each format, what is refused and by which line, and the way back."""
