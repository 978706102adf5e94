#!/bin/sh
# Makes the picture of README from the real page (docs/console.png), and one of every page of the console, in
# both themes and on a phone, into a folder to be looked at: `live-*` of BookVault while it runs, the others
# of the moment that the tests show.
#   scripts/pictures.sh [FOLDER]
# It takes Chromium, and about four minutes.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd)
folder=${1:-target/pictures}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
FREEHOLD_PICTURES="$folder" FREEHOLD_PICTURE="$here/docs/console.png" cargo test --package freehold-cli --test it -- \
    --exact up_console::it_shows_what_the_system_does
FREEHOLD_PICTURES="$folder" cargo test --package freehold-console --test it -- \
    --exact drive::every_page_is_whole_in_a_browser
