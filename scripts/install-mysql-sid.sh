#!/bin/sh
# Puts Debian unstable's MySQL server into a cache folder with debootstrap (620 MB), and prints the
# folder that then holds `mysqld`: a wrapper that runs it by that Debian's own loader and libraries.
# Run it again at will. Called by ./x prove. Needs root; unstable may be out of order for a day.
#
#   scripts/install-mysql-sid.sh CACHE
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 CACHE" >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "debootstrap needs root; type: sudo $0 $1" >&2
    exit 3
fi
PATH="$PATH:/usr/sbin:/sbin"
command -v debootstrap >/dev/null 2>&1 || apt-get install -y -qq debootstrap >&2

mkdir -p "$1"
root=$(cd "$1" && pwd)/mysql-sid
if [ ! -x "$root/usr/sbin/mysqld" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=mysql-server-core sid "$root" >&2
fi
chmod 755 "$root"
# Beside bin/ and share/, so that the wrapper's parent is the server's real basedir.
wrapped=$root/usr/wrapped
mkdir -p "$wrapped"
cat >"$wrapped/mysqld" <<END
#!/bin/sh
exec "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/mysql/private" --argv0 "$root/usr/sbin/mysqld" "$root/usr/sbin/mysqld" "\$@"
END
chmod 755 "$wrapped/mysqld"
"$wrapped/mysqld" --version >&2
echo "$wrapped"
