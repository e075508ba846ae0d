"""The server's part of SIP (RFC 3261) that alarm devices need: requests and their answers.

No calls, no media, no proxies: REGISTER, MESSAGE, SUBSCRIBE, NOTIFY and OPTIONS over UDP and
TCP on one port. ``message`` reads and writes, ``authentication`` asks for a password,
``server`` listens, answers and asks.
"""
