"""The kernel against a model that lives second by second and knows no timers.

Readings come in order, one a second at most. The model keeps the whole past and, every second,
asks it the question of the rule's own words; what it says must be what the kernel says.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from anju_rules import Context, Fact, Finding, RuleSet
from anju_rules.loading import read_rules

START = 1_767_225_600_000
END = 200
HEAD = "id: it\ntitle: {zh: 它, en: It}\nicon: flame\nseverity: 3\nmodels: [door]\n"
Said = tuple[float, str, int]
Values = dict[int, bool]


def streams(most: int = 24) -> st.SearchStrategy[Values]:
    """Give what is said at some seconds: the door stands open, or does not."""
    return st.dictionaries(st.integers(0, 99), st.booleans(), max_size=most)


def kernel(text: str, stream: Values) -> list[Said]:
    """Give what the kernel says, with a restart at every step."""
    rules = RuleSet(read_rules(f"{HEAD}when: m.door_state == 'open'\n{text}", "it.yaml"))
    rule = rules.get("it")
    state, due = None, None
    found: list[Finding] = []

    def context(now: int) -> Context:
        return Context(now, {}, {}, {}, {"gateway_online": True}, lambda _: 0)

    for at in [*sorted(stream), END + 50]:
        now = START + at * 1000
        while due is not None and due <= now and state is not None:
            outcome = rule.tick(state, context(due))
            found += outcome.findings
            state, due = outcome.state, outcome.due
        if at in stream:
            values = {"door_state": "open" if stream[at] else "closed"}
            fact = Fact("d", "door", {"device": "d"}, at=now, received_at=now, values=values)
            kept = rule.load(rule.dump(state)) if state is not None else None
            outcome = rule.step(kept, fact, context(now))
            found += outcome.findings
            state, due = outcome.state, outcome.due
    said = [((one.at - START) / 1000, str(one.kind), one.severity) for one in found]
    return [one for one in said if one[0] < END]


def seconds(stream: Values) -> Iterator[tuple[int, bool | None, bool]]:
    """Give every second, what was said in it, and what is known to be so."""
    is_open = False
    for second in range(END):
        word = stream.get(second)
        is_open = is_open if word is None else word
        yield second, word, is_open


def lasting(stream: Values, hold: int, clear_for: int, rises: dict[int, int]) -> list[Said]:
    """Say what a rule of ``for``, ``clear_for`` and steps by ``for`` says."""
    said: list[Said] = []
    since = closed = None
    severity = 0
    for second, _, is_open in seconds(stream):
        # what time has decided by now goes before what is heard now, unless this undoes it
        if is_open:
            closed = None
            since = second if since is None else since
        else:
            closed = second if closed is None else closed
        if not severity and not is_open:
            since = None
        if severity and closed is not None and second - closed >= clear_for:
            said.append((second, "cleared", severity))
            since, severity = None, 0
        if since is None or not is_open:
            continue
        held = second - since
        if held >= hold:
            deserved = min([3, *(to for length, to in rises.items() if held >= length)])
            if not severity:
                said.append((second, "active", deserved))
            elif deserved < severity:
                said.append((second, "severity", deserved))
            severity = min(severity or 3, deserved)
    return said


def counting(stream: Values, n: int, within: int, rises: dict[int, int]) -> list[Said]:
    """Say what a rule of ``count`` and steps by ``n`` says; a "closed" ends it all."""
    said: list[Said] = []
    yeses: list[int] = []
    severity = 0
    for second, word, _ in seconds(stream):
        if word is False:
            yeses = []
            if severity:
                said.append((second, "cleared", severity))
                severity = 0
        elif severity and second - yeses[-1] >= within and word is None:
            said.append((second, "cleared", severity))
            yeses, severity = [], 0
        if not word:
            continue
        yeses.append(second)
        number = sum(second - one < within for one in yeses)
        if number < n:
            continue
        deserved = min([3, *(to for least, to in rises.items() if number >= least)])
        if not severity:
            said.append((second, "active", deserved))
        elif deserved < severity:
            said.append((second, "severity", deserved))
        severity = min(severity or 3, deserved)
    return said


@settings(max_examples=150, deadline=None)
@given(streams(), st.integers(1, 30), st.integers(0, 20))
def test_for_and_clear_for(stream: Values, hold: int, clear_for: int) -> None:
    rule = f"for: {hold}s\nclear_for: {clear_for}s\n"
    assert kernel(rule, stream) == lasting(stream, hold, clear_for, {})


@settings(max_examples=150, deadline=None)
@given(streams(12), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
def test_steps_by_time(stream: Values, hold: int, more: int, most: int) -> None:
    rises = {hold + more: 2, hold + more + most: 1}
    steps = ", ".join(f"{{severity: {to}, for: {length}s}}" for length, to in rises.items())
    rule = f"for: {hold}s\nsteps: [{steps}]\n"
    assert kernel(rule, stream) == lasting(stream, hold, 0, rises)


@settings(max_examples=150, deadline=None)
@given(streams(40), st.integers(1, 5), st.integers(2, 30), st.integers(1, 3))
@example({42: True, 56: True, 71: True}, 2, 15, 1)
def test_count_and_steps_by_number(stream: Values, n: int, within: int, more: int) -> None:
    rises = {n + more: 2, n + 2 * more: 1}
    steps = ", ".join(f"{{severity: {to}, n: {number}}}" for number, to in rises.items())
    rule = f"count: {{n: {n}, within: {within}s}}\nclear: m.door_state == 'closed'\n"
    rule += f"quiet_for: {within}s\nsteps: [{steps}]\n"
    assert kernel(rule, stream) == counting(stream, n, within, rises)
