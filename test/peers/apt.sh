# Sourced by the scripts beside it: installs Debian packages, as root or through sudo.

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

# Another installation may hold apt's locks for a while.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

updated=no
apt_update() {
  [ "$updated" = yes ] || apt_get update
  updated=yes
}

apt_install() {
  echo "test-peers: installing $* with apt"
  apt_update
  apt_get install -y "$@" >/dev/null
}
