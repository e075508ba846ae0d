"""The API's description (OpenAPI): names that stay, words, problems and examples."""
