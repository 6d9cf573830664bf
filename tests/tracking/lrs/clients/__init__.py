"""Stock xAPI clients, as others run them, against a served store."""
