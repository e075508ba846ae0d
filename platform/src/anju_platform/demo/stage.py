"""Builds the demo step by step, keeps it running, and stops it."""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anju_platform.broker import write_mosquitto
from anju_platform.children import Children
from anju_platform.database import connect, reading
from anju_platform.demo.amqtt import write_amqtt
from anju_platform.demo.furnishing.furnishing import Furnishing
from anju_platform.demo.furnishing.town import HOST as TOWN
from anju_platform.demo.furnishing.town import Town
from anju_platform.demo.inputs import Replay, Video, add_video_camera
from anju_platform.demo.mosquitto import Mosquitto, find_mosquitto, free_port
from anju_platform.demo.ownership import demand_own
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.demo.provisioning import provision
from anju_platform.demo.site import MORE_PEOPLE, PEOPLE, Camera, Person, Site, Task
from anju_platform.dynsec.accounts import (
    PLATFORM_USER,
    Account,
    gateway_account,
    keeper_account,
    platform_account,
)
from anju_platform.dynsec.document import find_plugin
from anju_platform.errors import ConfigError
from anju_platform.gateways import credentials
from anju_platform.migrate import migrate

PERIMETER = "cam-perimeter"
GROUNDS = "gw-grounds"
_SCENE_SECONDS = "45"
"""One round of the scene: somebody comes over the wall in each."""
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who started the demo asked for."""

    directory: Path
    port: int = 8000
    seed: int = 1
    database_url: str | None = None
    video: Video | None = None
    replay: Replay | None = None
    simulate: bool = True
    played: frozenset[str] = frozenset()
    """Gateways whose part somebody else plays: no agent is started for them."""
    neighbours: Sequence[Mapping[str, Any]] = ()
    """Files of further communities, with gateways of other names."""
    ingests: int = 1
    keeps_accounts: bool = True
    """The platform keeps the broker's accounts; else somebody else may have one there."""
    furnished: bool = False
    """Everybody there is has an account, and what an office sets up in its first weeks is there."""
    lived_h: float = 0.0
    """At the first start people have lived there for so long: a home has a usual day by then."""


@dataclass
class Stage:
    """The demo as it is being built; ``say`` prints one line for the person watching."""

    options: Options
    say: Callable[[str], None]
    site: Site = field(init=False)
    children: Children = field(init=False)
    environment: dict[str, str] = field(init=False)
    broker: tuple[str, int, str] = field(init=False)

    def __post_init__(self) -> None:
        """Name the folder; nothing is started yet."""
        self.site = Site(self.options.directory)
        self.environment = dict(os.environ)
        self._postgres: EmbeddedPostgres | None = None
        self._mosquitto: Mosquitto | None = None
        self._describing: Task | None = None
        self._drawing: Task | None = None
        self._town: Town | None = None
        self._furnishing: Furnishing | None = None
        self._scene = self.site.directory / "perimeter.avi"

    @property
    def url(self) -> str:
        """Where the screens are."""
        return f"http://127.0.0.1:{self.options.port}"

    @property
    def _cast(self) -> Sequence[Person]:
        return (*PEOPLE, *MORE_PEOPLE) if self.options.furnished else PEOPLE

    def community_of(self, gateway: str) -> str:
        """Give the slug of the community a gateway stands in."""
        for document in self.options.neighbours:
            if any(one["slug"] == gateway for one in document["gateways"]):
                return str(document["community"]["slug"])
        return self.site.slug

    def build(self) -> None:
        """Start everything, in the order in which each part needs the others.

        Raises:
            ConfigError: the database given is somebody's, or something does not come up.
        """
        if self.options.database_url is not None:  # before anything is made, there or here
            demand_own(self.options.database_url, self.site, self._cast)
        first = self.site.prepare()
        self.children = Children(self.site.logs)
        self._begin_drawing()
        with self._step("database"):
            self._start_database()
        with self._step("community" if first else "community, as before"):
            self._make_community()
        with self._step("broker"):
            self._start_broker()
        with self._step("platform: ingest, worker, screens"):
            self._start_platform()
        with self._step("edge agents"):
            ports = self._start_edges()
        if self.options.simulate:
            with self._step("residents, devices and what happens to them"):
                self._start_simulation(ports, self.options.lived_h if first else 0)
        if self._furnishing is not None:
            self._furnishing.start()

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.say(f"{what:<44} {time.monotonic() - begun:5.1f} s")

    def _start_database(self) -> None:
        url = self.options.database_url
        if url is None:
            self._postgres = EmbeddedPostgres(self.site.directory / "postgres")
            url = create_database(self._postgres.start(), "anju")
        self.environment["ANJU_DATABASE_URL"] = url
        migrate(url)

    def _begin_drawing(self) -> None:
        """Have the community and the camera's scene made while the database starts."""
        site = self.site
        if not site.community_file.exists():
            seed = ("--seed", str(self.options.seed))
            self._describing = Task(
                "anju-sim", "describe", *seed, "--out", str(site.community_file)
            )
        if not self._scene.exists():
            drawn = ("--out", str(self._scene), "--seconds", _SCENE_SECONDS, "--seed", "1")
            self._drawing = Task("python", "-m", "anju_edge.vision.scene", *drawn)

    def _make_community(self) -> None:
        if self._describing is not None:
            self._describing.finish()
        if self.options.video is not None:
            add_video_camera(self.site.community_file, GROUNDS, beside=PERIMETER)
        documents: list[Mapping[str, Any]] = [self.site.community]
        if self.options.replay is not None:
            self.options.replay.describe(self.site).finish()
            documents.append(self.options.replay.community(self.site))
        documents += self.options.neighbours
        engine = connect(self.environment["ANJU_DATABASE_URL"], pool_size=1)
        provision(engine, self.site, documents, self._cast)
        engine.dispose()

    def _start_broker(self) -> None:
        host, port = "127.0.0.1", free_port()
        password = self.site.passwords["mqtt"]
        accounts = [platform_account(password)]
        keeper = self.site.passwords["mqtt-keeper"]
        for gateway, secret in self.site.gateway_secrets.items():
            accounts.append(gateway_account(self.community_of(gateway), gateway, secret))
        folder = self.site.directory / "broker"
        if find_mosquitto() and find_plugin():
            self.broker = (host, port, "5")
            accounts = [accounts[0], keeper_account(keeper), *self._known(accounts[1:])]
            if self.options.keeps_accounts:
                self.environment["ANJU_BROKER_ADMIN_PASSWORD"] = keeper
            config = write_mosquitto(folder, port=port, accounts=accounts)
            self._mosquitto = Mosquitto(config, host=host, port=port)
            self._mosquitto.start()
        else:
            self.say(
                "mosquitto or its plugin for accounts is not installed: using the slower amqtt"
            )
            self.broker = (host, port, "3.1.1")
            config = write_amqtt(folder, port=port, accounts=accounts)
            self.children.start("broker", ["amqtt", "-c", str(config)])
        self.environment |= {
            "ANJU_BROKER_HOST": host,
            "ANJU_BROKER_PORT": str(port),
            "ANJU_BROKER_PROTOCOL": self.broker[2],
            "ANJU_BROKER_USERNAME": PLATFORM_USER,
            "ANJU_BROKER_PASSWORD": password,
        }

    def _known(self, given: Sequence[Account]) -> Sequence[Account]:
        """Give the gateways as the database knows them: one may have been revoked since."""
        engine = connect(self.environment["ANJU_DATABASE_URL"], pool_size=1)
        with reading(engine) as session:
            found, of_old = credentials.accounts(session)
        engine.dispose()
        return [*found, *(one for one in given if one.username in of_old)]

    def _start_platform(self) -> None:
        self.environment |= {
            "ANJU_DATA_DIR": str(self.site.directory / "platform"),
            "ANJU_WEB_PORT": str(self.options.port),
            "ANJU_PUBLIC_URL": self.url,
            "ANJU_INGEST_PROCESSES": str(self.options.ingests),
        }
        if self.options.furnished:
            self._town = Town(self.site.directory / "town-port")
            self.environment["ANJU_INSIDE_HOSTS"] = TOWN
            self._furnishing = Furnishing(self.site, self.environment, self._town)
        self.children.start("platform", ["anju", "up"], **self.environment)
        self._wait_for(lambda: _answers(f"{self.url}/readyz"), "the screens", log="platform")

    def _start_edges(self) -> dict[str, Path]:
        if self._drawing is not None:
            self._drawing.finish()
        ports: dict[str, Path] = {}
        for gateway in self._own_gateways():
            cameras = self._cameras() if gateway == GROUNDS else ()
            replay = self.options.replay
            config = self.site.write_edge_config(
                gateway,
                broker=self.broker,
                platform_url=self.url,
                cameras=cameras,
                replay=replay.config() if replay and gateway == replay.gateway else None,
            )
            self.children.start(f"edge-{gateway}", ["anju-edge", "--config", str(config)])
            ports[gateway] = self.site.edge_folder(gateway) / "port"
        self._wait_for(
            lambda: all(path.exists() for path in ports.values()), "the edge agents", log="edge-*"
        )
        return ports

    def _own_gateways(self) -> list[str]:
        return [g for g in self.site.gateway_secrets if g not in self.options.played]

    def _cameras(self) -> Sequence[Camera]:
        # what the scene's generator draws as the fenced strip
        fence: Mapping[str, object] = {
            "name": "w-03",
            "kind": "intrusion",
            "polygon": [[0.0, 0.55], [1.0, 0.55], [1.0, 0.75], [0.0, 0.75]],
        }
        cameras = [Camera(PERIMETER, str(self._scene), (fence,))]
        if self.options.video is not None:
            cameras.append(self.options.video.camera())
        return cameras

    def _start_simulation(self, ports: Mapping[str, Path], lived_h: float) -> None:
        command = ["anju-sim", "run", "--community", str(self.site.community_file)]
        command += ["--token-file", str(self.site.native_token_file), "--script", "demo"]
        if lived_h:
            command += ["--lived-h", str(lived_h)]
        own = {g["slug"] for g in self.site.community["gateways"]}
        for gateway, port_file in ports.items():
            if gateway in own:
                # the file, not the port: an agent that starts again listens elsewhere
                command += ["--gateway", gateway, "--connect", f"127.0.0.1:@{port_file}"]
        self.children.start("simulation", command)

    def _wait_for(self, ready: Callable[[], bool], what: str, *, log: str) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not ready():
            dead = self.children.failed()
            if dead is not None or time.monotonic() > deadline:
                where = self.site.logs / f"{dead.name if dead else log}.log"
                raise ConfigError(f"{what} did not come up; see {where}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop all, last started first; the folder stays for the next start."""
        if self._furnishing is not None:
            self._furnishing.stop()
        if self._town is not None:
            self._town.stop()
        if hasattr(self, "children"):
            self.children.stop()
        if self._mosquitto is not None:
            self._mosquitto.stop()
        if self._postgres is not None:
            self._postgres.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - our own loopback
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
