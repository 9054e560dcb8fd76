#!/usr/bin/env bash
# Fetches Apicurio Registry, as Maven Central has it, into .cache/peers/apicurio: a schema registry with Confluent's API.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/peers/apt.sh
version=2.6.13.Final
artifact=apicurio-registry-app
mkdir -p .cache/peers
home=$(cd .cache/peers && pwd -P)/apicurio

exec 9>"$home.lock"
flock 9

command -v java >/dev/null || apt_install openjdk-17-jre-headless
if ! [ -e "$home/$artifact-$version-runner.jar" ]; then
  command -v mvn >/dev/null || apt_install maven
  echo "test-peers: fetching Apicurio Registry $version into $home"
  work=$(mktemp -d "$home.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mvn -q -B dependency:copy "-Dartifact=io.apicurio:$artifact:$version:tar.gz:all" "-DoutputDirectory=$work"
  mkdir "$work/unpacked"
  tar xzf "$work/$artifact-$version-all.tar.gz" -C "$work/unpacked"
  rm -rf "$home"
  mv "$work/unpacked" "$home"
fi
echo "test-peers: Apicurio Registry $version in .cache/peers/apicurio"
