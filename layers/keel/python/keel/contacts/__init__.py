"""Contacts: the people in the CRM."""
