#!/bin/sh
# Fuzzes the console's HTTP API from its own OpenAPI description:
#   scripts/prove-console.sh DIR FREEHOLD [EXAMPLES]
# DIR keeps schemathesis, installed from PyPI; FREEHOLD is the binary. A moment that was kept is served, so
# that every address has something to say. No answer may be a 5xx, and each has to be as described.
#
# `cargo xtask prove console` builds the binary and runs this.
set -eu
dir=$1
freehold=$2
examples=${3:-100}
cd "$(dirname "$0")/.."

if [ ! -x "$dir/bin/st" ]; then
    python3 -m venv "$dir"
    "$dir/bin/pip" -q install 'schemathesis==4.32.5'
fi

told=$(mktemp)
"$freehold" --json console --from crates/console/tests/it/bookvault.json --port 0 >"$told" &
console=$!
trap 'kill "$console" 2>/dev/null; rm -f "$told"' EXIT
address=
for _ in 1 2 3 4 5 6 7 8 9 10; do
    address=$(sed -n 's/.*"console": "\(.*\)".*/\1/p' "$told")
    [ -n "$address" ] && break
    sleep 1
done
[ -n "$address" ] || { echo "the console does not start" >&2; exit 1; }

"$dir/bin/st" run "$address/api/v1/openapi.json" --url "$address" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --max-examples "$examples" --workers 2 --no-color
