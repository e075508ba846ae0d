"""Who may log in: the list, invitations, and the page behind an invitation's link."""
