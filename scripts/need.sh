#!/usr/bin/env bash
# Says what to install where a tool is missing or too old; silent where all is well.
#
#   scripts/need.sh rust|node|python|chromium…
#
# PYTHON and TRUNKLINE_CHROMIUM name other programs than python3 and chromium.
set -euo pipefail

readonly RUST_MIN=1.95.0
readonly NODE_MIN=20.19.0
readonly PYTHON_MIN=3.11

fail() {
    echo "trunkline: $1" >&2
    exit 1
}

# require NAME FOUND MINIMUM HINT
require() {
    local oldest
    [[ -n $2 ]] || fail "$1 is missing; version $3 or newer is needed ($4)"
    oldest=$(printf '%s\n%s\n' "$3" "$2" | sort -V | head -n 1)
    [[ $oldest == "$3" ]] || fail "$1 is $2; version $3 or newer is needed ($4)"
}

need_rust() {
    require Rust "$(cargo --version 2>/dev/null | cut -d ' ' -f 2 || true)" "$RUST_MIN" "with rustup; rust-toolchain.toml then selects it"
}

need_node() {
    require Node.js "$(node --version 2>/dev/null | tr -d v || true)" "$NODE_MIN" "with npm"
}

need_python() {
    local python=${PYTHON:-python3}
    require Python "$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null || true)" \
        "$PYTHON_MIN" "as python3, or named in PYTHON"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python has no venv module (Debian: apt-get install python3-venv)"
}

need_chromium() {
    local chromium=${TRUNKLINE_CHROMIUM:-chromium}
    command -v "$chromium" >/dev/null && return
    if [[ -z ${TRUNKLINE_CHROMIUM:-} && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "== Chromium is missing: installing Debian's (about 400 MB)"
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null
        return
    fi
    fail "$chromium is missing; the end-to-end tests need Chromium (Debian: apt-get install chromium; or name one in TRUNKLINE_CHROMIUM)"
}

for tool in "$@"; do
    case $tool in
        rust | node | python | chromium) "need_$tool" ;;
        *) fail "need.sh knows no tool $tool" ;;
    esac
done
