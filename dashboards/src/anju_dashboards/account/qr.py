"""QR codes, as pictures a page may hold."""

import segno

_QUIET = 4
"""Fewer empty modules around it, and telephones do not find it (ISO 18004)."""


def picture(text: str) -> str:
    """Draw a text as a QR code; gives the address of a picture (``data:``), black on white."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_data_uri(scale=5, border=_QUIET, dark="black", light="white")
