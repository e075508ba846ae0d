"""Who may log in: the roster, invitations, and where people are logged in."""
