"""What pages load is ours, pinned, and names only pictures that exist."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import httpx
import pytest

from anju_dashboards import words
from anju_dashboards.icons import icon_name, known
from anju_dashboards.rendering import PACKAGE, STATIC
from anju_devices.catalog import MODELS

VENDOR = STATIC / "vendor"
TEMPLATES = sorted(PACKAGE.rglob("*.html"))
MODULES = sorted((STATIC / "js").glob("*.js"))


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


def test_vendored_files_are_those_of_the_manifest() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text("utf-8").splitlines()
    manifest = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.parent != VENDOR
    }
    assert found == manifest


def test_every_vendored_folder_has_its_licence_and_stands_in_the_list() -> None:
    said = (VENDOR / "VENDOR.md").read_text("utf-8")
    folders = [path for path in VENDOR.iterdir() if path.is_dir()]
    assert [f.name for f in folders if not (f / "LICENSE").is_file()] == []
    assert [f.name for f in folders if f"`{f.name}`" not in said] == []


@pytest.mark.parametrize("name", names(TEMPLATES))
def test_templates_have_no_inline_script_or_style_and_load_nothing_from_elsewhere(
    name: str,
) -> None:
    text = (PACKAGE / name).read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.findall(r"\son[a-z]+\s*=|\bstyle\s*=|<style|javascript:|hx-on|hx-vals", text) == []
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", text) == []


@pytest.mark.parametrize("name", names(MODULES))
def test_modules_set_no_globals_and_load_nothing_from_elsewhere(name: str) -> None:
    text = (PACKAGE / name).read_text("utf-8")
    assert re.findall(r"https?://|\beval\(|new Function|window\.\w+ =[^=]", text) == []
    assert len(text.splitlines()) <= 300


def test_every_picture_named_by_a_template_exists() -> None:
    used = {
        name
        for path in TEMPLATES
        for call in re.findall(r"icon\(([^()]*(?:\([^()]*\))?[^()]*)\)", path.read_text("utf-8"))
        for name in re.findall(r"\"([a-z][a-z0-9-]+)\"", call)
    } - {*words.HANDLING, *words.CONDITION, "access_denied", "drill"}
    pictures = {*used, *words.STATUS_ICON.values(), *words.TIMELINE_ICON.values()}
    assert sorted(pictures - known()) == []


def test_every_device_model_has_its_picture() -> None:
    assert {model.name: model.icon for model in MODELS.values() if model.icon not in known()} == {}


def test_every_rule_has_its_picture() -> None:
    from anju_rules import load_library

    assert {rule.id: rule.icon for rule in load_library() if rule.icon not in known()} == {}


def test_an_unknown_picture_is_drawn_as_something() -> None:
    assert icon_name("no-such-picture") in known()


def test_our_files_are_packed_and_what_pages_say_is_not(client: httpx.Client) -> None:
    packed = client.get("/static/css/base.css", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = client.get("/static/css/base.css", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert "content-encoding" not in client.get("/login").headers
