#!/bin/sh
# Holds logs of `freehold check --format sarif` against the official schema of SARIF 2.1.0:
#   scripts/prove-sarif.sh DIR LOG...
# DIR keeps the schema, from a package that carries it, and a validator; what is there is kept.
#
# `cargo xtask prove sarif` makes the logs and runs this.
set -eu
dir=$1
shift
mkdir -p "$dir"

if [ ! -x "$dir/python/bin/python" ]; then
    python3 -m venv "$dir/python"
    "$dir/python/bin/pip" -q install 'jsonschema==4.25.1'
fi
if [ ! -d "$dir/package" ]; then
    (cd "$dir" && npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null && tar xzf microsoft-jest-sarif-*.tgz)
fi

"$dir/python/bin/python" - "$dir/package/lib/schemas/sarif-2.1.0-rtm.5.json" "$@" <<'PY'
import copy
import json
import sys

from jsonschema import Draft4Validator

schema = json.load(open(sys.argv[1]))
Draft4Validator.check_schema(schema)
valid = Draft4Validator(schema)
failed = False
for name in sys.argv[2:]:
    log = json.load(open(name))
    errors = list(valid.iter_errors(log))
    results = log["runs"][0]["results"]
    print(f"{name}: {len(results)} results, {len(errors)} errors")
    for error in errors[:10]:
        print("  ", "/".join(map(str, error.path)), error.message[:200])
    failed |= bool(errors) or not results
    # The schema can say no: a line 0 and a level that is none are seen.
    broken = copy.deepcopy(log)
    broken["runs"][0]["results"][0]["level"] = "bad"
    region = broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    region["startLine"] = 0
    failed |= len(list(valid.iter_errors(broken))) < 2
sys.exit(failed)
PY
