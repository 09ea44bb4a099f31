"""The OpenAPI document and the page of errors, made from the functions and from docs/reference."""
