"""Pictures stay on the edge until an alert needs one."""

import http.client
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from pydantic import SecretStr

from anju_edge.clock import now_ms
from anju_edge.config import SnapshotConfig
from anju_edge.errors import EdgeError, GoingDownError

UPLOAD_TIMEOUT_S = 10.0
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 15.0

_SNAPSHOT = re.compile(r"[a-z0-9-]{1,64}")
_log = logging.getLogger(__name__)


class UploadError(EdgeError):
    """A snapshot cannot be uploaded; trying again would not help."""


class Snapshots:
    """The folder of pictures, named by their ids."""

    def __init__(self, folder: Path, config: SnapshotConfig) -> None:
        self.folder = folder
        self._config = config
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob(".*.draft"):  # what a crash left half-written
            draft.unlink(missing_ok=True)

    def read(self, snapshot: str) -> bytes:
        """Give a picture's JPEG bytes.

        Raises:
            UploadError: the id is not one of ours, or the picture is gone.
        """
        if not _SNAPSHOT.fullmatch(snapshot):
            raise UploadError(f"{snapshot!r} is not a snapshot's id")
        try:
            return (self.folder / f"{snapshot}.jpg").read_bytes()
        except FileNotFoundError as error:
            raise UploadError(f"snapshot {snapshot} is not here (kept too long ago?)") from error
        except OSError as error:
            raise UploadError(f"snapshot {snapshot} cannot be read: {error.strerror}") from error

    def prune(self) -> int:
        """Delete pictures that are too old, then the oldest over the quota; give how many."""
        pictures = []
        for path in self.folder.glob("*.jpg"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            pictures.append((facts.st_mtime, facts.st_size, path))
        oldest = time.time() - self._config.keep_days * 86_400
        room = self._config.quota_bytes
        gone = 0
        for modified, size, path in sorted(pictures, reverse=True):
            room -= size
            if modified < oldest or room < 0:
                path.unlink(missing_ok=True)
                gone += 1
        return gone


class Uploader:
    """Brings a snapshot to the platform, trying until its deadline or until ``ending``."""

    def __init__(
        self,
        snapshots: Snapshots,
        url: str,
        secret: SecretStr,
        *,
        community: str,
        gateway: str,
        ending: threading.Event,
    ) -> None:
        self._snapshots = snapshots
        self._url = url.rstrip("/")
        self._secret = secret
        self._gateway = f"{community}/{gateway}"
        self._ending = ending

    def upload(self, snapshot: str, *, until_ms: int) -> str:
        """Upload one snapshot; give what the platform did with it.

        Raises:
            UploadError: it is not here, the platform refuses it, or time is up.
            GoingDownError: the agent ends first.
        """
        picture = self._snapshots.read(snapshot)
        delay_s = FIRST_RETRY_S
        while True:
            try:
                return self._put(snapshot, picture)
            except (OSError, http.client.HTTPException) as error:
                reason = _reason(error)
            if now_ms() + delay_s * 1000 > until_ms:
                raise UploadError(f"snapshot {snapshot} was not uploaded in time: {reason}")
            _log.info("snapshot %s: %s; next try in %.1f s", snapshot, reason, delay_s)
            if self._ending.wait(delay_s):
                raise GoingDownError(f"snapshot {snapshot}: the agent is going down")
            delay_s = min(delay_s * 2, LAST_RETRY_S)

    def _put(self, snapshot: str, picture: bytes) -> str:
        """Send once; raises OSError or HTTPException when another try may succeed."""
        request = urllib.request.Request(  # noqa: S310 - the configuration allows http(s) only
            f"{self._url}/api/v1/gateway/snapshots/{snapshot}",
            data=picture,
            method="PUT",
            headers={
                "Authorization": f"Bearer {self._secret.get_secret_value()}",
                "X-Anju-Gateway": self._gateway,
                "Content-Type": "image/jpeg",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=UPLOAD_TIMEOUT_S) as answer:  # noqa: S310
                return "stored" if answer.status == 201 else "already there"  # noqa: PLR2004
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in {408, 429}:  # noqa: PLR2004
                raise UploadError(
                    f"the platform refuses snapshot {snapshot}: {error.code} {error.reason}"
                ) from error
            raise


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the platform answered {error.code} {error.reason}"
    if isinstance(error, http.client.HTTPException):
        return f"the platform's answer is no HTTP: {error!r}"
    return f"the platform cannot be reached: {getattr(error, 'reason', None) or error}"
