#!/usr/bin/env bash
# Runs Autobahn's fuzzing client against the echo example and fails on any verdict that is not strict.
#
#   crates/trunkline-ws/autobahn/run.sh [FILE]
#
# FILE receives the table of verdicts (docs/reference/autobahn.md) and makes it a run of all cases, which takes about ten
# minutes. Without it, the compression groups are run in part: of each corpus and offer the messages of up to 32 KiB, and
# of up to 16 KiB in small fragments; the others are the same with longer messages. Autobahn is Python 2 code: a Python 2.7 is needed,
# found as python2.7 or among pyenv's versions. Without one this fails, unless TRUNKLINE_SKIP_AUTOBAHN=1.
# PYTHON names a Python 3 that can still make Python 2.7 environments with virtualenv 20.15.1 (3.6 to 3.11).
set -euo pipefail

readonly SUITE_VERSION=0.8.2
readonly VIRTUALENV_VERSION=20.15.1
# Cases 9.* send 16 MiB, some in 65,536 fragments and more slowly than the default limits allow.
readonly MESSAGE_BYTES=$((16 << 20))
readonly FRAGMENTS=$((1 << 17))

readonly PLAIN_CASES='"1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"'
readonly PLAIN_CASES_COUNT=301

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
build="$root/build/autobahn"
table=${1:-}

# Names the compression cases to run, and counts them: fewer in the report means that the run broke off.
choose_compression_cases() {
    local corpus_or_offer case
    if [[ -n $table ]]; then
        compression_cases=', "12.*", "13.*"'
        compression_cases_count=$(((5 + 7) * 18))
        return
    fi
    compression_cases=
    compression_cases_count=0
    for corpus_or_offer in 12.{1..5} 13.{1..7}; do
        for case in {1..8} 11 12; do
            compression_cases+=", \"$corpus_or_offer.$case\""
            compression_cases_count=$((compression_cases_count + 1))
        done
    done
}

find_python2() {
    local candidate
    for candidate in "$(command -v python2.7 || true)" "$(pyenv root 2>/dev/null || true)"/versions/2.7*/bin/python2.7; do
        # A pyenv shim exists for versions that are not selected, and fails: ask each candidate.
        if [[ -n $candidate ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

find_python3() {
    local candidate
    for candidate in "${PYTHON:-}" "$(pyenv root 2>/dev/null || true)"/versions/3.{9,10,11}.*/bin/python3 \
        "$(command -v python3.9 || true)" "$(command -v python3.10 || true)" "$(command -v python3.11 || true)" \
        "$(command -v python3 || true)"; do
        if [[ -n $candidate ]] &&
            "$candidate" -c 'import sys; sys.exit(not (3, 6) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

install_suite() {
    local python2=$1 python3=$2
    [[ -x $build/suite/bin/wstest ]] && return
    "$python3" -m venv "$build/tools"
    "$build/tools/bin/pip" install --quiet --disable-pip-version-check "virtualenv==$VIRTUALENV_VERSION"
    "$build/tools/bin/virtualenv" --quiet --python "$python2" "$build/suite"
    "$build/suite/bin/pip" install --quiet --no-python-version-warning --disable-pip-version-check "autobahntestsuite==$SUITE_VERSION"
}

start_echo() {
    (cd "$root" && cargo build --quiet --release -p trunkline-ws --example echo)
    local target=${CARGO_TARGET_DIR:-$root/target}
    exec {echo_output}< <(
        exec "$target/release/examples/echo" --port 0 --deflate --message-bytes "$MESSAGE_BYTES" --fragments "$FRAGMENTS"
    )
    echo_pid=$!
    trap 'kill "$echo_pid" 2>/dev/null || true' EXIT
    read -r -t 10 -u "$echo_output" line
    address=${line#listening on }
}

if ! python2=$(find_python2); then
    if [[ ${TRUNKLINE_SKIP_AUTOBAHN:-} == 1 ]]; then
        echo "AUTOBAHN SKIPPED: no Python 2.7 on this machine, and TRUNKLINE_SKIP_AUTOBAHN=1." >&2
        exit 0
    fi
    echo "autobahn: no Python 2.7 found (python2.7, or pyenv install 2.7.18); TRUNKLINE_SKIP_AUTOBAHN=1 skips" >&2
    exit 1
fi
if ! python3=$(find_python3); then
    echo "autobahn: no Python 3.6 to 3.11 found, which virtualenv $VIRTUALENV_VERSION needs; name one in PYTHON" >&2
    exit 1
fi

mkdir -p "$build"
install_suite "$python2" "$python3"
start_echo
choose_compression_cases
rm -rf "$build/reports"
cat >"$build/client.json" <<JSON
{
  "outdir": "$build/reports",
  "servers": [{ "agent": "trunkline-ws", "url": "ws://$address" }],
  "cases": [$PLAIN_CASES$compression_cases],
  "exclude-cases": [],
  "exclude-agent-cases": {}
}
JSON
# The suite exits with 0 whatever happens: its report is what counts.
"$build/suite/bin/wstest" -m fuzzingclient -s "$build/client.json" >"$build/wstest.log" 2>&1
"$python3" "$here/check.py" "$build/reports/index.json" --suite "$SUITE_VERSION" \
    --cases $((PLAIN_CASES_COUNT + compression_cases_count)) ${table:+--table "$table"}
