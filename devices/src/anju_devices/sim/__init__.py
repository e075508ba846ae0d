"""A whole simulated community: its plan, homes, devices, people, and what happens to them.

For demonstrations and tests; no part of the product imports it.
"""
