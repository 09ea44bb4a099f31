"""Authentication: accounts are opened, sessions begin, go on and end."""
