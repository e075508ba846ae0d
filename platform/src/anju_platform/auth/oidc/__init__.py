"""Log-in by another provider (OpenID Connect)."""
