#!/bin/sh
# Fetches axe-core, which the console's tests run in the browser, into target/tools/axe. Nothing of it is
# committed. Run it again at will: what is there is not fetched again. Called by ./x test.
set -eu
cd "$(dirname "$0")/.."
version=4.14.1
folder=target/tools/axe
[ -f "$folder/node_modules/axe-core/axe.min.js" ] &&
    grep -q "\"version\": \"$version\"" "$folder/node_modules/axe-core/package.json" && exit 0
if ! command -v npm >/dev/null 2>&1; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "npm is missing (Debian's package of that name); it fetches axe-core $version" >&2
        exit 3
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 npm >&2
fi
mkdir -p "$folder"
npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "$folder" "axe-core@$version" >&2
