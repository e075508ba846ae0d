"""Words of the platform's own values, as message ids to be translated where they are shown."""

from typing import Final

from anju_platform.rulebook.texts import OURSELVES as _OURSELVES


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a message for translation without translating it here."""
    return message


SEVERITY: Final = {1: N_("life"), 2: N_("urgent"), 3: N_("attention"), 4: N_("maintenance")}

HANDLING: Final = {
    "unacked": N_("unacknowledged"),
    "acked": N_("acknowledged"),
    "closed": N_("closed by a person"),
}

CONDITION: Final = {
    "pending": N_("pending"),
    "active": N_("still going on"),
    "recovering": N_("recovering"),
    "clear": N_("over"),
    "unknown": N_("state unknown"),
}

OVERLAY: Final = {
    "shelved": N_("shelved"),
    "maintenance": N_("under maintenance"),
    "inhibited": N_("inhibited"),
}

MODE: Final = {"actual": N_("real"), "test": N_("test"), "drill": N_("drill")}

WINDOW: Final = {"maintenance": N_("Maintenance"), "drill": N_("Drill")}

CAUSE: Final = {
    "true": N_("It was real"),
    "false": N_("False alarm"),
    "test": N_("A test or exercise"),
    "cannot_tell": N_("Cannot tell"),
}

CAUSE_HINT: Final = {
    "true": N_("what the rule says did happen"),
    "false": N_("it did not happen; the rule or the device was wrong"),
    "test": N_("somebody tried it out on purpose"),
    "cannot_tell": N_("looked into it, without result"),
}

ROLE: Final = {
    "guard": N_("guard"),
    "property": N_("property staff"),
    "office": N_("community office"),
    "grid": N_("grid worker"),
    "family": N_("family"),
    "installer": N_("installer"),
    "auditor": N_("auditor"),
    "admin": N_("administrator"),
}

RIGHT: Final = {
    "see_alerts": N_("read alerts"),
    "watch": N_("see what happens, live, and pictures"),
    "export": N_("export tables"),
    "read_reports": N_("read reports"),
    "see_devices": N_("read devices"),
    "keep_devices": N_("add and retire devices"),
    "see_care": N_("read what sensors in homes say"),
    "see_health": N_("read health values"),
    "see_homes": N_("read homes and whom to call"),
    "see_system": N_("read how the system is"),
    "see_rules": N_("read rules"),
    "keep_rules": N_("change rules"),
    "see_plans": N_("read who is called when nobody answers"),
    "keep_plans": N_("change who is called when nobody answers"),
    "read_audit": N_("read the audit"),
}
"""What a program may be given."""

STATE: Final = {
    "alarm": N_("Alarm"),
    "attention": N_("Needs a look"),
    "handled": N_("Somebody has it"),
    "unprotected": N_("Protection is off"),
    "away": N_("Away"),
    "unshared": N_("Not shared"),
    "unknown": N_("No news"),
    "ordinary": N_("All as usual today"),
}
"""What the family's page says in one sentence, by the home's state."""
STATE_ICON: Final = {
    "alarm": "alert-octagon",
    "attention": "alert-triangle",
    "handled": "user-check",
    "unprotected": "wifi-off",
    "away": "door-exit",
    "unshared": "eye-off",
    "unknown": "help-circle",
    "ordinary": "circle-check",
}

WEEKDAYS: Final = (
    N_("Mondays"),
    N_("Tuesdays"),
    N_("Wednesdays"),
    N_("Thursdays"),
    N_("Fridays"),
    N_("Saturdays"),
    N_("Sundays"),
)

SPAN: Final = {"shift": N_("Shift"), "day": N_("Day"), "month": N_("Month")}
"""How long a report's time is."""

DEVICE_STATUS: Final = {
    "silent": N_("silent"),
    "flat": N_("battery low"),
    "unknown": N_("unknown"),
    "ok": N_("in order"),
    "stopped": N_("stopped at their wish"),
    "retired": N_("retired"),
}

STATUS_ICON: Final = {
    "silent": "wifi-off",
    "flat": "battery-1",
    "unknown": "help-circle",
    "ok": "circle-check",
    "stopped": "ban",
    "retired": "archive",
}

PURPOSE: Final = {
    "care": N_("daily care"),
    "emergency": N_("an emergency"),
    "support": N_("installing and mending"),
    "statistics": N_("learning what is usual"),
    "measuring": N_("measuring at all"),
    "upkeep": N_("whether it works"),
}
"""What somebody may see it for."""
SENSORS: Final = {
    "all": N_("all sensors, but no health values"),
    "health": N_("health values (heart rate, breath)"),
}
HOW: Final = {
    "spoken": N_("spoken"),
    "written": N_("in writing"),
    "page": N_("on a screen"),
    "taken_over": N_("taken over from before"),
}
"""How somebody gave their word."""
CONSENT_STATE: Final = {
    "in_force": N_("in force"),
    "to_come": N_("to come"),
    "ended": N_("ended"),
    "replaced": N_("replaced by a newer word"),
}
STOP: Final = {
    "asked": N_("stopped here; its gateway has been asked"),
    "confirmed": N_("stopped, and its gateway passes nothing on"),
    "unreached": N_("stopped here; its gateway has not been reached yet"),
    "failed": N_("stopped here; its gateway could not do it"),
}

TIMELINE: Final = {
    "raised": N_("Alert raised"),
    "reactivated": N_("Happened again"),
    "reopened": N_("Opened again"),
    "rose": N_("Severity rose"),
    "fell": N_("Severity fell"),
    "cleared": N_("The condition is over"),
    "unknown": N_("The condition cannot be seen any more"),
    "acked": N_("Acknowledged"),
    "dispatched": N_("Dispatched"),
    "commented": N_("Note"),
    "card_opened": N_("Emergency card opened"),
    "closed": N_("Closed"),
    "told": N_("People told"),
    "escalated": N_("Nobody had taken it on, called"),
    "expired": N_("The acknowledgement ran out, called"),
    "shelf_asked": N_("Wish to shelve it"),
    "shelved": N_("Shelved"),
    "unshelved": N_("Unshelved"),
    "muted": N_("Muted"),
    "unmuted": N_("No longer muted"),
    "speaks": N_("Goes on, told as new"),
    "drill_over": N_("The drill is over and it goes on, told as real"),
    "going": N_("Somebody of the family goes there"),
    "not_going": N_("The family does not go after all"),
    "handed_over": N_("Handed over"),
}

RULE_GONE: Final = {
    "off": N_("The rule was switched off, nobody looks any more"),
    "changed": N_("The rule was changed and begins anew"),
    "unreadable": N_("The rule cannot be read, nobody looks any more"),
}
"""Why a condition cannot be seen any more, where that is its rule's doing."""

TIMELINE_ICON: Final = {
    "raised": "alert-triangle",
    "reactivated": "refresh",
    "reopened": "refresh",
    "rose": "trending-up",
    "fell": "trending-down",
    "cleared": "circle-check",
    "unknown": "help-circle",
    "acked": "check",
    "dispatched": "send",
    "commented": "message",
    "card_opened": "phone",
    "closed": "lock",
    "told": "bell",
    "escalated": "bell-ringing",
    "expired": "clock",
    "shelf_asked": "volume-off",
    "shelved": "volume-off",
    "unshelved": "volume",
    "muted": "volume-off",
    "unmuted": "volume",
    "speaks": "bell-ringing",
    "drill_over": "flag-2",
    "going": "walk",
    "not_going": "x",
    "handed_over": "user-check",
}

DELIVERY: Final = {
    "queued": N_("waiting"),
    "leased": N_("being sent"),
    "accepted": N_("sent"),
    "delivered": N_("delivered"),
    "seen": N_("seen"),
    "retry": N_("trying again"),
    "dead": N_("failed"),
    "expired": N_("too late"),
    "cancelled": N_("cancelled"),
}

CHANNEL: Final = {
    "in_app": N_("on the screen"),
    "push": N_("push to a device"),
    "email": N_("e-mail"),
    "sms": N_("short message"),
    "voice": N_("phone call"),
    "robot": N_("chat group"),
}
CHANNEL_ICON: Final = {
    "push": "device-mobile",
    "email": "mail",
    "sms": "message-2",
    "voice": "phone",
    "robot": "robot",
}
ADDRESS: Final = {
    "push": N_("device"),
    "email": N_("e-mail"),
    "phone": N_("telephone"),
}
WHY: Final = (
    N_("no answer within 7 s"),
    N_("it did not say that it took it"),
    N_("no connection"),
    N_("the connection broke"),
    N_("the connection broke before it had answered"),
    N_("it sends us elsewhere; give the address it sends us to"),
    N_("there is no such address any more"),
    N_("it does not let us in"),
    N_("it was refused"),
    N_("it failed"),
    N_("the browser's keys are not good"),
    N_("its address cannot be used; look at the channel"),
    N_("the service did not say whether it took it, twice; it may have arrived"),
    N_("nobody of the family has an account"),
    N_("the home has no such contact any more, or no number of theirs"),
    N_("it leads into the own network; only hosts in ANJU_INSIDE_HOSTS may"),
    N_("there is no such host"),
    N_("its secret is missing; make the channel anew"),
    N_("nobody carries anything here"),
)
"""Why a service outside took nothing; what follows in brackets is for whoever mends it."""
ADDRESS_ICON: Final = {"push": "device-mobile", "email": "mail", "phone": "phone"}

ACCESS: Final = {
    "access_granted": N_("let in"),
    "access_denied": N_("refused"),
    "exit_request": N_("exit button"),
    "opened": N_("door opened"),
    "closed": N_("door closed"),
}

CREDENTIAL: Final = {
    "card": N_("card"),
    "phone": N_("phone"),
    "code": N_("code"),
    "qr": N_("QR code"),
    "plate": N_("number plate"),
    "fingerprint": N_("fingerprint"),
    "visitor_code": N_("visitor's code"),
    "remote": N_("opened from afar"),
    "unknown": N_("unknown"),
}

FAILURE: Final = {
    400: N_("That could not be read"),
    401: N_("Please log in"),
    403: N_("You may not see this"),
    404: N_("There is nothing here"),
    409: N_("It has changed meanwhile"),
    413: N_("That is too large"),
    422: N_("Something is missing"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong here"),
    503: N_("The platform is not available"),
}
"""What an error page says in large letters, by HTTP status."""
NOT_DONE: Final = N_("This was not done")
"""What it says of something that acts, where the refusal itself says why."""

VALUE: Final = {
    "intrusion": N_("armed zone"),
    "fire_lane": N_("fire lane"),
    "loiter": N_("loitering area"),
    "line": N_("line"),
    "person": N_("person"),
    "vehicle": N_("vehicle"),
    "unknown": N_("unknown"),
    "open": N_("open"),
    "closed": N_("shut"),
    "locked": N_("locked"),
    "unlocked": N_("unlocked"),
    "fault": N_("faulty"),
    "moving": N_("moving"),
    "idle": N_("idle"),
    "stopped_off_zone": N_("stopped between floors"),
    "maintenance": N_("under maintenance"),
    "lying": N_("lying"),
    "sitting": N_("sitting"),
    "standing": N_("standing"),
    "none": N_("nobody"),
    "in": N_("in"),
    "out": N_("out"),
    "flame": N_("flame"),
    "smoke": N_("smoke"),
    "resident": N_("resident"),
    "expired": N_("expired"),
    "unreadable": N_("unreadable"),
    "unlocked by command": N_("unlocked by command"),
}
"""Words devices say as values: options of the catalogue's choices, and why a door decided so."""

OURSELVES: Final = _OURSELVES
"""Rules of alerts about the platform itself: they have no place, they are about all of them."""

PROCESS: Final = {"ingest": N_("receiving"), "worker": N_("telling people"), "web": N_("screens")}

PROCESS_STATE: Final = {
    "ok": N_("at work"),
    "silent": N_("gone"),
    "still": N_("stands still"),
    "standby": N_("stands by"),
    "deaf": N_("hears nothing"),
}

PROCESS_ICON: Final = {
    "ok": "circle-check",
    "silent": "wifi-off",
    "still": "alert-triangle",
    "standby": "clock",
    "deaf": "plug-connected-x",
}

PLACE_KIND: Final = {
    "community": N_("community"),
    "building": N_("building"),
    "entrance": N_("entrance"),
    "floor": N_("floor"),
    "unit": N_("flat"),
    "room": N_("room"),
    "gate": N_("gate"),
    "lane": N_("vehicle lane"),
    "zone": N_("zone"),
    "place": N_("place"),
    "basement": N_("basement"),
    "roof": N_("roof"),
    "facade": N_("façade"),
    "lift": N_("lift"),
    "closet": N_("wiring closet"),
    "plant_room": N_("plant room"),
    "fire_lane": N_("fire lane"),
    "shed": N_("charging shed"),
    "garden": N_("garden"),
    "hydrant": N_("hydrant"),
    "manhole": N_("manhole"),
    "wall": N_("wall"),
}

JOB_STATE: Final = {
    "running": N_("running"),
    "done": N_("done"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
    "interrupted": N_("interrupted"),
}
JOB_ICON: Final = {
    "running": "run",
    "done": "circle-check",
    "failed": "alert-triangle",
    "cancelled": "x",
    "interrupted": "plug-connected-x",
}
"""How far a back-test has come."""

LANE: Final = {"events": N_("events"), "telemetry": N_("telemetry")}
QUARANTINE: Final = {
    "invalid_topic": N_("topic not understood"),
    "unknown_gateway": N_("unknown gateway"),
    "unreadable": N_("unreadable"),
    "invalid_batch": N_("malformed message"),
    "invalid_reading": N_("malformed reading"),
    "unknown_device": N_("unknown device"),
    "refused": N_("refused by the database"),
}

WEEKDAY: Final = (
    N_("Mon"),
    N_("Tue"),
    N_("Wed"),
    N_("Thu"),
    N_("Fri"),
    N_("Sat"),
    N_("Sun"),
)
HOLIDAYS: Final = {
    "any": N_("as on any day"),
    "not": N_("not on holidays"),
    "only": N_("on holidays only"),
}
"""Whether a shift heeds the community's holidays."""

UNIT: Final = {"s": N_("seconds"), "min": N_("minutes"), "h": N_("hours")}
WAY: Final = {
    "proven": N_("proven"),
    "untried": N_("never used"),
    "failed": N_("failed last time"),
    "gone": N_("no such address any more"),
}
"""What is known of a way to somebody."""
