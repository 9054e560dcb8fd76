#!/usr/bin/env bash
# Builds the tests of this folder with Go into .cache/peers/terraform; the first time it fetches AWS's SDK for Go.
set -euo pipefail
cd "$(dirname "$0")/../.."

. test/peers/go.sh
find_go 24
mkdir -p .cache/peers/terraform
echo "test-terraform: building AWS's SDK for Go with $("$go" env GOVERSION) (the first time: a minute or two)"
(cd test/terraform && "$go" vet . && "$go" test -c -o ../../.cache/peers/terraform/calls .)
