# A PostgreSQL of this run alone, durable as it comes. Sourced: sets URL; gone when the script ends.
# Servers refuse root: then it runs as the user postgres.
folder=$(mktemp -d "${TMPDIR:-/tmp}/freehold-bench.XXXXXX")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$folder"
  as=(runuser -u postgres --)
fi
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
stop_postgres() {
  (cd / && "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1) || true
  rm -rf "$folder"
}
trap stop_postgres EXIT
cd /
"${as[@]}" "$bin/initdb" -D "$folder/data" -U bench -A trust --no-sync >"$folder.log" 2>&1
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $port -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200" start >>"$folder.log" 2>&1
rm -f "$folder.log"
cd - >/dev/null
URL="postgresql://bench@127.0.0.1:$port/postgres"
