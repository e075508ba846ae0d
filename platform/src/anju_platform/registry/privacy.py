"""Which measurements say something about a body, and so are not for guards."""

HEALTH_FIELDS = frozenset({"heart_rate", "respiration"})
"""Fields shown only to those who may see health values (see ``Actor.may_see_health``)."""
