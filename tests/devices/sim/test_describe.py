"""The community file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from anju_devices.catalog import MODELS, model
from anju_devices.sim.describe import describe, document_text
from anju_devices.sim.homes import KIT
from anju_devices.sim.plan import Size

Document = dict[str, Any]


def test_a_seed_gives_the_same_community_always_and_another_seed_another(
    document: Document,
) -> None:
    assert document_text(describe(1)) == document_text(document)
    assert document_text(describe(2)) != document_text(document)


def test_the_community_is_as_large_as_promised(document: Document) -> None:
    assert len(document["households"]) >= 200
    assert len(document["devices"]) >= 1500
    assert [g["slug"] for g in document["gateways"]] == ["gw-west", "gw-east", "gw-grounds"]
    head = document["community"]
    assert (head["slug"], head["name"], head["timezone"]) == (
        "yangguang",
        "阳光花园",
        "Asia/Shanghai",
    )


def test_a_smaller_community_can_be_had() -> None:
    small = describe(1, Size(buildings=1, entrances=1, floors=2))
    assert len(small["households"]) == 4


def test_ids_are_valid_and_unique_and_parents_come_first(document: Document) -> None:
    for kind in ("places", "gateways", "households", "devices"):
        slugs = [entry["slug"] for entry in document[kind]]
        assert len(set(slugs)) == len(slugs), kind
        assert all(re.fullmatch(r"[a-z0-9-]{1,64}", slug) for slug in slugs)
    seen: set[str | None] = {None}
    for place in document["places"]:
        assert place["parent"] in seen, place
        seen.add(place["slug"])


def test_everything_refers_to_what_is_there(document: Document) -> None:
    places = {p["slug"] for p in document["places"]}
    gateways = {g["slug"] for g in document["gateways"]}
    households = {h["slug"] for h in document["households"]} | {None}
    for device in document["devices"]:
        assert device["place"] in places
        assert device["gateway"] in gateways
        assert device["household"] in households
        assert model(device["model"])
    assert all(h["place"] in places for h in document["households"])
    assert all(g["place"] in places for g in document["gateways"])


def test_an_elder_living_alone_has_exactly_the_kit(document: Document) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for device in document["devices"]:
        if device["household"]:
            found[device["household"]].append(device["model"])
    alone = [h for h in document["households"] if h["attributes"]["lives_alone"]]
    assert len(alone) >= 40
    for household in alone:
        assert sorted(found[household["slug"]]) == sorted(KIT)
        assert len(household["residents"]) == 1
        assert household["residents"][0]["elder"]
        assert len(household["contacts"]) == 3
    for household in document["households"]:
        assert {"smoke_alarm", "water_meter"} <= set(found[household["slug"]])


def test_every_model_of_the_catalogue_is_somewhere(document: Document) -> None:
    counts = Counter(d["model"] for d in document["devices"])
    assert set(counts) == set(MODELS) - {"binary_sensor"}, "that one is for recordings"
    assert counts["fall_radar"] >= 3


def test_telephone_numbers_belong_to_nobody_and_differ(document: Document) -> None:
    phones = [c["phone"] for h in document["households"] for c in h["contacts"]]
    assert all(re.fullmatch(r"1380000\d{4}", phone) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_labels_are_whole_in_both_languages(document: Document) -> None:
    labels = {p["slug"]: (p["label"], p["label_en"]) for p in document["places"]}
    assert labels["b3-2-501"] == ("3 栋 2 单元 501", "Bldg 3, Entr. 2, 501")
    for zh, en in labels.values():
        assert re.search(r"[\u4e00-\u9fff]", zh)
        assert not re.search(r"[\u4e00-\u9fff]", en)
    for device in document["devices"]:
        assert device["name"]
        assert device["name_en"]


def test_places_of_a_building_are_spread_inside_it(document: Document) -> None:
    plan = document["community"]["plan"]
    shapes = [s for s in plan["shapes"] if s["kind"] == "building"]
    rects = {f"b{n}": s["rect"] for n, s in enumerate(shapes, start=1)}
    assert len(rects) == 6
    spots: dict[str, set[tuple[float, float]]] = defaultdict(set)
    for place in document["places"]:
        assert 0 <= place["x"] <= plan["width"]
        assert 0 <= place["y"] <= plan["height"]
        building = place["slug"].split("-")[0]
        if building in rects and place["kind"] != "facade":
            x, y, width, height = rects[building]
            assert x <= place["x"] <= x + width, place
            assert y <= place["y"] <= y + height, place
            spots[building].add((place["x"], place["y"]))
    assert all(len(found) > 100 for found in spots.values())


def test_what_real_drivers_drive_is_marked(document: Document) -> None:
    driven = {
        d["slug"]: d["attributes"]["driver"]
        for d in document["devices"]
        if "driver" in d["attributes"]
    }
    assert driven == {
        "cam-perimeter": "vision",
        "gw-west": "agent",
        "gw-east": "agent",
        "gw-grounds": "agent",
    }
