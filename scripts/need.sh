#!/usr/bin/env bash
# Says what to install where a tool is missing or too old; silent where all is well.
#
#   scripts/need.sh rust|node|python|chromium|tesseract…
#
# PYTHON, TRUNKLINE_CHROMIUM and TRUNKLINE_TESSERACT name other programs than python3, chromium and tesseract.
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

# need_program NAME PROGRAM VARIABLE PACKAGE SIZE WHAT-FOR: root on Debian gets the package where the program is missing.
need_program() {
    local name=$1 program=$2 variable=$3 package=$4 size=$5 purpose=$6
    local named=${!variable:-}
    command -v "${named:-$program}" >/dev/null && return
    if [[ -z $named && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "== $name is missing: installing Debian's (about $size)"
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" >/dev/null
        return
    fi
    fail "${named:-$program} is missing; $purpose (Debian: apt-get install $package; or name one in $variable)"
}

need_chromium() {
    need_program Chromium chromium TRUNKLINE_CHROMIUM chromium "400 MB" "the end-to-end tests and the example assistant need Chromium"
}

need_tesseract() {
    need_program Tesseract tesseract TRUNKLINE_TESSERACT tesseract-ocr "40 MB" "the example assistant reads with Tesseract"
}

for tool in "$@"; do
    case $tool in
        rust | node | python | chromium | tesseract) "need_$tool" ;;
        *) fail "need.sh knows no tool $tool" ;;
    esac
done
