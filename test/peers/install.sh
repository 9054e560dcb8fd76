#!/usr/bin/env bash
# Installs the clients from elsewhere that test-peers drives: kcat (apt), boto3 (PyPI, in .cache/peers).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.cache/peers

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "test-peers: $* needs root, and there is no sudo" >&2
    exit 1
  fi
}

updated=no
apt_install() {
  echo "test-peers: installing $* with apt"
  if [ "$updated" = no ]; then
    as_root apt-get update -qq
    updated=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

command -v kcat >/dev/null || apt_install kcat

if ! "$venv/bin/python" -c 'import boto3' 2>/dev/null; then
  command -v python3 >/dev/null || apt_install python3
  # Debian's python3 comes without ensurepip, and says so only when the environment is half made.
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  echo "test-peers: installing boto3 with pip into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'boto3>=1.40,<2'
fi

kcat_version=$(kcat -V 2>&1 | sed -nE 's/^Version ([0-9.]+).*/\1/p')
boto3_version=$("$venv/bin/python" -c 'import boto3; print(boto3.__version__)')
echo "test-peers: kcat $kcat_version, boto3 $boto3_version"
