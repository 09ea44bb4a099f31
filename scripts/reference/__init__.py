"""Build the OpenAPI document and docs/errors.md from the functions and docs/reference."""
