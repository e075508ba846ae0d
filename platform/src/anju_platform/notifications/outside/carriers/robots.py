"""Robots of chat groups: WeCom, DingTalk, Feishu.

They answer 200 to what they refuse and say so in the body (WeCom and DingTalk ``errcode``, Feishu
``code``; 0 is taken), so the body is what is believed.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from anju_platform.errors import Phrase
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import post

SERVERS: Mapping[str, str] = {
    "wecombot": "https://qyapi.weixin.qq.com",
    "dingtalk": "https://oapi.dingtalk.com",
    "feishu": "https://open.feishu.cn",
}
_TOO_FAST = {45009: 60.0, 45033: 60.0, 130101: 60.0, 410100: 60.0, 11232: 60.0, 9499: 60.0}
"""Refusals for having said too much (WeCom, DingTalk, Feishu), and for how long to be silent.

DingTalk shuts a robot out for ten minutes that goes on.
"""
_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Robots:
    """Tells groups; ``servers`` says where each service is."""

    def __init__(self, hosts: Hosts, servers: Mapping[str, str] = SERVERS) -> None:
        self._hosts, self._servers = hosts, servers
        self._calls: Mapping[str, Callable[[Message, list[str]], tuple[str, Any]]] = {
            "wecombot": _wecom,
            "dingtalk": _dingtalk,
            "feishu": _feishu,
        }

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a robot's URL: ``wecombot://KEY``, ``dingtalk://SECRET@TOKEN``."""
        scheme, words = _words(url)
        most = 2 if scheme == "dingtalk" else 1
        good = 1 <= len(words) <= most and all(w and set(w) <= set(_WORD) for w in words)
        return None if good else Phrase("its key is missing or misspelt")

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message to a group's robot.

        Raises:
            NotTakenError, NoAnswerError: as a carrier.
        """
        scheme, words = _words(target.url)
        path, said = self._calls[scheme](message, words)
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            answer = post(self._hosts, f"{self._servers[scheme]}{path}", body, headers)
        except GoneError as error:
            raise NotTakenError(str(error)) from error
        if not answer.complete:
            raise NoAnswerError("the connection broke before it had answered")
        _believe(answer.body)


def _words(url: str) -> tuple[str, list[str]]:
    """Split a robot's URL: keys keep their capitals, which a host's name would lose."""
    scheme, _, rest = url.partition("://")
    return scheme, rest.strip("/").split("@")


def _wecom(message: Message, words: list[str]) -> tuple[str, Any]:
    said = {"msgtype": "text", "text": {"content": message.text}}
    return f"/cgi-bin/webhook/send?key={words[0]}", said


def _dingtalk(message: Message, words: list[str]) -> tuple[str, Any]:
    path = f"/robot/send?access_token={words[-1]}"
    if len(words) > 1:  # a robot that wants signatures: SECRET@TOKEN
        at = str(round(time.time() * 1000))
        mac = hmac.new(words[0].encode(), f"{at}\n{words[0]}".encode(), hashlib.sha256)
        path += f"&timestamp={at}&sign={quote_plus(base64.b64encode(mac.digest()))}"
    return path, {"msgtype": "text", "text": {"content": message.text}}


def _feishu(message: Message, words: list[str]) -> tuple[str, Any]:
    said = {"msg_type": "text", "content": {"text": message.text}}
    return f"/open-apis/bot/v2/hook/{words[0]}", said


def _believe(body: bytes) -> None:
    """Believe what the body says, not the status."""
    try:
        said = json.loads(body)
        code = int(said.get("errcode", said.get("code", said.get("StatusCode"))))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotTakenError("it did not say that it took it") from error
    if code:
        raise NotTakenError(f"it was refused (code {code})", after_s=_TOO_FAST.get(code, 0.0))
