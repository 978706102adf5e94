#!/bin/sh
# Holds the reader of SQL against PostgreSQL's own parser and sqlglot, over statements of others:
#   scripts/prove-sql.sh READER DIR
# READER is crates/sql's example `table_uses`. DIR keeps what is downloaded: the sources of PostgreSQL
# and MariaDB from Debian (their regression tests), sqlglot's from PyPI (its tests). More SQL of other
# people can be put into DIR/tsql and DIR/plsql.
set -eu
reader=$1
mkdir -p "$2/apt/lists/partial" "$2/apt/cache"
dir=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -x "$dir/python/bin/python" ]; then
    python3 -m venv "$dir/python"
    "$dir/python/bin/pip" -q install 'pglast==8.8' 'sqlglot==30.30.0'
fi
cd "$dir"
set -- sqlglot-*/
if [ ! -d "$1" ]; then
    "$dir/python/bin/pip" -q download --no-deps --no-binary sqlglot 'sqlglot==30.30.0'
    tar xzf sqlglot-*.tar.gz
fi
set -- postgresql-*/ mariadb-*/
if [ ! -d "$1" ] || [ $# -lt 2 ]; then
    # Sources only, and beside the machine's own lists.
    echo 'deb-src http://deb.debian.org/debian bookworm main' >apt/sources.list
    set -- -o Dir::Etc::sourcelist="$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache"
    apt-get -q "$@" update
    apt-get -q "$@" source --download-only postgresql-15 mariadb
    for archive in postgresql-*.orig.tar.* mariadb_*.orig.tar.?z; do
        tar xf "$archive"
    done
fi
exec "$dir/python/bin/python" "$here/prove-sql.py" "$reader" "$dir" --show 20
