"""Custom fields: fields that an account adds to its contacts and companies."""
