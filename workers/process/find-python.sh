# Prints the path of a Python of the version $1 that works; fails when there is none.
# A shim of pyenv lies in PATH for versions that are not switched on, so each candidate is tried.
for candidate in \
  "python$1" \
  "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/"python$1" \
  "$HOME/.local/share/uv/python/cpython-$1".*/bin/"python$1" \
  "/opt/homebrew/bin/python$1" \
  "/opt/python/$1"*/bin/"python$1"; do
  command -v "$candidate" >/dev/null 2>&1 || continue
  "$candidate" -I -c 'import sys
if "%d.%d" % sys.version_info[:2] != sys.argv[1]: sys.exit(1)
print(sys.executable)' "$1" 2>/dev/null && exit 0
done
exit 1
