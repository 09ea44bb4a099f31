"""Mails: what is to be sent, and the tokens that they bring."""
