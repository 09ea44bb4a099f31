"""Custom fields: what an account adds to its contacts and companies."""
