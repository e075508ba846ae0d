"""SIP as a device says it, and a listener that notes what it hears."""

from __future__ import annotations

from anju_edge.drivers.sip.message import Request, Response, answer_to
from anju_edge.drivers.sip.server import Peer, SipServer


def sip_request(method: str, *, body: bytes = b"", authorization: str = "") -> bytes:
    """Give a request of a camera, as WVP-GB28181-pro #55 shows one of a real camera."""
    lines = [
        f"{method} sip:34020000002000000001@3402000000 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK1",
        "From: <sip:34020000001320000001@3402000000>;tag=34175538",
        "To: <sip:34020000002000000001@3402000000>",
        "Call-ID: 413107604",
        f"CSeq: 20 {method}",
        "Content-Type: Application/MANSCDP+xml",
        "Max-Forwards: 70",
        "User-Agent: IP Camera",
        f"Content-Length: {len(body)}",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Heard:
    """Serves what comes with 200 OK, unless it is told to be busy or broken."""

    server: SipServer
    port: int

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.rejected: list[str] = []
        self.busy = self.broken = False

    def serve(self, request: Request, _peer: Peer) -> Response | None:
        """Serve one request."""
        if self.broken:
            raise RuntimeError("broken")
        if self.busy:
            return None
        self.requests.append(request)
        return answer_to(request, 200, "OK")

    def reject(self, _data: bytes, _peer: Peer, reason: str) -> None:
        """Note what is set aside."""
        self.rejected.append(reason)
