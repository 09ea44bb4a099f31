"""Projects: work for companies, with the contacts that take part."""
