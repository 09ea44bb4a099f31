"""OAuth apps: the programs that work with an account, and how they get their tokens."""
