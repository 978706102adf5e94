#!/bin/sh
# Installs the servers and the browser that the tests start, from the system's packages: only what is missing, with
# no cluster made and no service started. Run it again at will. Called by ./x test.
# Exit code 3: something is missing and we may not install it; the line to type is printed.
set -eu
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive

there() { command -v "$1" >/dev/null 2>&1; }

has_postgres() {
    there initdb && return
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return
    done
    return 1
}

missing=
if ! has_postgres || ! there psql; then missing="$missing postgresql"; fi
if ! there mariadbd || ! there mariadb-install-db; then missing="$missing mariadb-server"; fi
there mariadb || missing="$missing mariadb-client"
there sqlite3 || missing="$missing sqlite3"
there nats-server || missing="$missing nats-server"
there rabbitmqctl || missing="$missing rabbitmq-server"
there pgbouncer || missing="$missing pgbouncer"
# Pages are looked at in a browser.
there chromium || there chromium-browser || there google-chrome || missing="$missing chromium fonts-inter"
[ -n "$missing" ] || exit 0

if ! there apt-get; then
    echo "missing:$missing (Debian's names). Install them with this system's package manager." >&2
    exit 3
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing:$missing. Type:" >&2
    echo "    sudo $0" >&2
    exit 3
fi

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
made_policy=
changed_clusters=
put_back() {
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
    if [ -n "$changed_clusters" ]; then mv -f "$clusters.before-freehold" "$clusters"; fi
}
trap put_back EXIT
trap 'exit 1' HUP INT TERM

# 101: "not allowed to start services", for every package's installation.
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

install() { apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >&2; }
apt-get update -qq -o DPkg::Lock::Timeout=300 >&2

case "$missing" in
*postgresql*)
    # Brings the file that says whether installing a server also makes a cluster.
    install postgresql-common
    cp -p "$clusters" "$clusters.before-freehold"
    changed_clusters=yes
    sed -i '/^[[:space:]]*create_main_cluster/d' "$clusters"
    echo 'create_main_cluster = false' >>"$clusters"
    ;;
esac
# shellcheck disable=SC2086 # one word a package
install $missing
