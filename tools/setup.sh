#!/bin/sh
# Installs what the project needs on Debian: packages where we may, then the Python parts.
set -eu
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"

say() { printf '  %s\n' "$*"; }

missing=""
need() { # command, package
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need mosquitto mosquitto
need sipp sip-tester
need chromium chromium
[ -n "$(find /usr/share/fonts /usr/local/share/fonts -iname '*NotoSansCJK*' -print -quit 2>/dev/null)" ] \
    || missing="$missing fonts-noto-cjk"
PATH="$PATH:/sbin" ldconfig -p 2>/dev/null | grep -q libpangoft2-1.0 \
    || missing="$missing libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"$PYTHON" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        as_root="no"
    fi
    if [ "$as_root" = "no" ] || ! command -v apt-get >/dev/null 2>&1; then
        say "not installed and not allowed to install:$missing"
        say "without mosquitto the demo uses a slower broker; without sipp one test of cameras skips; without chromium the browser tests skip; without pango reports are no PDF"
    else
        say "installing:$missing"
        $as_root apt-get update -qq >/dev/null
        # shellcheck disable=SC2086 # a list of packages
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $missing >/dev/null
    fi
fi

if [ ! -x .venv/bin/python ]; then
    say "making .venv"
    "$PYTHON" -m venv .venv
fi
say "installing Python packages (hashed)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement requirements.lock
say "installing the five parts"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --editable devices --editable rules --editable edge --editable platform --editable dashboards
