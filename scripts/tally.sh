#!/usr/bin/env bash
# Says in one line which tests ran, from the logs that `make test` and `make check` leave.
#
#   scripts/tally.sh FOLDER SUITE…
#
# A suite without a log, or of which no test ran, is an error: silence is not success.
set -euo pipefail

folder=$1
shift

# Adds up the numbers that stand before WORD in the lines of FILE that match PATTERN.
sum() {
    local file=$1 pattern=$2 word=$3
    { grep -E "$pattern" "$file" || true; } | { grep -oE "[0-9]+ $word" || true; } | awk '{ total += $1 } END { print total + 0 }'
}

# passed SUITE, skipped SUITE
passed() {
    case $1 in
        rust) sum "$folder/$1.log" '^test result:' passed ;;
        typescript | end-to-end) sum "$folder/$1.log" '^ +Tests ' passed ;;
        python | differential) sum "$folder/$1.log" ' in [0-9.]+s' passed ;;
        autobahn) { grep -oE 'Cases: [0-9]+' "$folder/$1.log" || true; } | awk '{ total += $2 } END { print total + 0 }' ;;
    esac
}

skipped() {
    case $1 in
        rust) sum "$folder/$1.log" '^test result:' ignored ;;
        typescript | end-to-end) sum "$folder/$1.log" '^ +Tests ' skipped ;;
        python | differential) sum "$folder/$1.log" ' in [0-9.]+s' skipped ;;
        autobahn) grep -c 'AUTOBAHN SKIPPED' "$folder/$1.log" || true ;;
    esac
}

total_skipped=0
line=
for suite in "$@"; do
    if [[ ! -f $folder/$suite.log ]]; then
        echo "tests: $suite did not run" >&2
        exit 1
    fi
    count=$(passed "$suite")
    missed=$(skipped "$suite")
    if ((count + missed == 0)); then
        echo "tests: $suite ran nothing" >&2
        exit 1
    fi
    line+="$suite $count, "
    total_skipped=$((total_skipped + missed))
done
echo "tests passed: ${line%, }; skipped: $total_skipped"
