"""Invented residents: names, ages, telephone numbers that belong to nobody."""

import random
from typing import Any

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘"
_ELDER_WOMEN = "桂兰 秀英 玉珍 淑华 凤英 桂英 秀兰 玉兰 春梅 素珍 惠兰 月娥 金凤 翠兰 雪梅"
_ELDER_MEN = "建国 国强 德明 志强 永福 文华 福生 长林 庆祥 树林 玉山 宝田 振华 家声 耀先"
_WOMEN = "敏 静 丽 娟 艳 芳 娜 婷 雪 倩 佳怡 晓燕 思琪 雨欣 海霞"
_MEN = "伟 强 磊 军 勇 杰 涛 超 浩然 志远 俊杰 宇轩 海涛 鹏 建平"
_CHILDREN = "子涵 梓萱 一诺 浩宇 欣怡 沐宸 可馨 奕辰 诗涵 宇航"

_HEALTH = (
    "高血压，每日服氨氯地平；青霉素过敏",
    "2 型糖尿病，注射胰岛素",
    "房颤，服华法林（抗凝）",
    "冠心病，2021 年放支架，随身带硝酸甘油",
    "骨质疏松，右髋人工关节",
    "",
)

NOW_YEAR = 2026
"""The year ages are reckoned in; fixed, so that a seed always gives the same people."""

Person = dict[str, Any]


class Registry:
    """Invents people and contacts; telephone numbers are never given twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._phones = rng.sample(range(10_000), 10_000)

    def elder(self, *, woman: bool, surname: str | None = None) -> Person:
        """Invent somebody of 74 to 88."""
        given = _ELDER_WOMEN if woman else _ELDER_MEN
        person = self._person(given, (74, 88), surname, elder=True)
        # of its own, so that a seed goes on giving the same people
        health = random.Random(f"health-{person['name']}-{person['born_on']}")
        return person | {"health": health.choice(_HEALTH)}

    def adult(self, *, woman: bool, surname: str | None = None) -> Person:
        """Invent somebody of 27 to 55."""
        return self._person(_WOMEN if woman else _MEN, (27, 55), surname)

    def child(self, surname: str) -> Person:
        """Invent somebody of 6 to 15."""
        return self._person(_CHILDREN, (6, 15), surname)

    def surname(self) -> str:
        """Give a common surname."""
        return self._rng.choice(_SURNAMES)

    def phone(self) -> str:
        """Give a number in a range that is plainly fiction: 1380000xxxx."""
        return f"1380000{self._phones.pop():04d}"

    def contact(self, name: str, relation: str, *, has_key: bool = False) -> Person:
        """Give somebody to call."""
        return {"name": name, "relation": relation, "phone": self.phone(), "has_key": has_key}

    def family_of(self, elder: Person) -> list[Person]:
        """Invent whom to call for an elder living alone: a child, and a neighbour with a key."""
        surname = elder["name"][0]
        woman = self._rng.random() < 0.5  # noqa: PLR2004 - even odds
        child = self.adult(woman=woman, surname=surname)
        neighbour = self.elder(woman=self._rng.random() < 0.5)  # noqa: PLR2004 - even odds
        return [
            self.contact(child["name"], "女儿" if woman else "儿子", has_key=True),
            self.contact(neighbour["name"], "邻居", has_key=self._rng.random() < 0.4),  # noqa: PLR2004
            self.contact(self.adult(woman=True)["name"], "网格员"),
        ]

    def _person(
        self, given: str, ages: tuple[int, int], surname: str | None, *, elder: bool = False
    ) -> Person:
        year = NOW_YEAR - self._rng.randint(*ages)
        born_on = f"{year}-{self._rng.randint(1, 12):02d}-{self._rng.randint(1, 28):02d}"
        name = (surname or self.surname()) + self._rng.choice(given.split())
        return {"name": name, "born_on": born_on, "elder": elder}
