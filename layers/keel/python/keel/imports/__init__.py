"""Imports: files of contacts, companies and sources, read row by row whatever happens meanwhile."""
