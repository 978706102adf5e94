#!/usr/bin/env bash
# Four-step workflows on DBOS (PyPI `dbos`), beside `cargo xtask bench saga`. Installs it on demand
# below target/bench; its PostgreSQL lives as long as this script. Prints one JSON row.
#   bench/sagas/dbos.sh [WORKFLOWS] [AT_ONCE]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools="$here/../../target/bench/dbos"
if [ ! -x "$tools/bin/python" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet "dbos==2.*" "psycopg[binary]"
fi
. "$here/postgres.sh"
"$tools/bin/python" "$here/dbos_four_steps.py" "$URL" "${1:-2000}" "${2:-64}"
