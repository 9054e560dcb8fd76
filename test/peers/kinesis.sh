#!/usr/bin/env bash
# Fetches the two Kinesis servers of npm that bench/kinesis.ts runs beside ours, into .cache/peers/kinesis.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .cache/peers/kinesis
cd .cache/peers/kinesis
if ! [ -e node_modules/kinesalite/cli.js ] || ! [ -e node_modules/kinesis-local/main.js ]; then
  echo "bench-kinesis: installing kinesalite and kinesis-local with npm into .cache/peers/kinesis"
  echo '{ "private": true }' >package.json
  npm install --no-audit --no-fund --loglevel=error kinesalite@3 kinesis-local@0.6
fi
node -p '"bench-kinesis: kinesalite " + require("./node_modules/kinesalite/package.json").version + ", kinesis-local " + require("./node_modules/kinesis-local/package.json").version'
