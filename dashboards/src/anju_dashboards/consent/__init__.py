"""Whose word it is who may see what: the office's list, a home's page, and the sheet to sign."""
