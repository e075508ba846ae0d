"""How somebody's account is guarded."""
