"""Devices of the demo that the simulation does not play: just put up, and speaking for themselves.

Three are known, with batteries that run out together; two are still to be approved.
"""

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from anju_platform.database import transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.demo.site import Site
from anju_platform.errors import NotFoundError
from anju_platform.registry import admission, listing
from anju_platform.registry.schemas import NewDevice

EVERY_S = 300.0
_GATEWAY, _SHED = "gw-grounds", "shed-2"
_FLAT: Mapping[str, Any] = {"temperature": 18.2, "humidity": 52, "battery": 11}
_KNOWN = {f"shed-2-bay-{number}": number for number in (1, 2, 3)}
_WAITING: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "co-0417": ("co_alarm", {"alarm": False, "co": 3, "battery": 98}),
    "climate-0418": ("climate", {"temperature": 21.4, "humidity": 46, "battery": 100}),
}
_TIMEOUT_S = 10.0


def put_up(engine: Engine, slug: str) -> None:
    """Add those that are known, as an installer does."""
    with transaction(engine) as session:
        installer = act(session, slug, "installer")
        for device, number in _KNOWN.items():
            try:
                listing.find_device(session, installer.community_id, device)
            except NotFoundError:
                wanted = NewDevice(
                    slug=device,
                    gateway=_GATEWAY,
                    model="climate",
                    place=_SHED,
                    name=f"{number} 号充电位温度计",
                    name_en=f"Bay {number} thermometer",
                    interval_s=round(2 * EVERY_S),
                )
                admission.add_device(session, installer, installer.community_id, wanted)


def speak(site: Site) -> None:
    """Let all of them tell a reading to an edge agent.

    Raises:
        OSError: the agent does not listen.
    """
    said = dict.fromkeys(_KNOWN, ("climate", _FLAT)) | dict(_WAITING)
    moment = round(time.time() * 1000)
    hello = {
        "token": site.native_token_file.read_text(encoding="utf-8").strip(),
        "devices": {device: model for device, (model, _) in said.items()},
    }
    readings = ({"device": one, "at": moment, "values": of[1]} for one, of in said.items())
    port = int((site.edge_folder(_GATEWAY) / "port").read_text(encoding="utf-8"))
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as line:
        line.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in (hello, *readings)))
        for answer in line.makefile("rb"):
            if json.loads(answer).get("kept", 0) >= len(said):
                return
