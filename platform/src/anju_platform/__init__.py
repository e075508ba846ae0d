"""The Anju platform: ingest, time series, alerts, people, API."""
