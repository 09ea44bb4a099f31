"""Users: the people who work with an account."""
