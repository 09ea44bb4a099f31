"""Sources: where contacts come from."""
