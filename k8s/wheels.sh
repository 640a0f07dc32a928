# Sourced, with $python: the wheels of an image or a bundle, kept between builds, and the bill of what was installed.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# target [PYTHON]: the Python and the kind of processor that wheels are made for. Example: python3.11-x86_64
target() { "${1:-$python}" -c 'import platform, sys; print("python%d.%d-%s" % (*sys.version_info[:2], platform.machine()))'; }

# locked_wheels NAME LOCK [PYTHON]: a folder with exactly the wheels of a lock file for that Python, made again when the
# lock has changed
locked_wheels() {
  local interpreter=${3:-$python} folder
  folder=build/wheels/$(target "$interpreter")/$1
  if ! cmp -s "$2" "$folder.lock"; then
    say "wheels of $2 for $(target "$interpreter")"
    rm -rf "$folder" "$folder.lock" && mkdir -p "$folder"
    # Hashes are checked here, where sources without a wheel become one; what installs takes exactly these files.
    "$interpreter" -m pip wheel -q --disable-pip-version-check --no-deps --require-hashes -w "$folder" -r "$2" >&2
    cp "$2" "$folder.lock"
  fi
  printf '%s' "$folder"
}

# requirements LOCK: its packages and versions, one a line
requirements() { sed -n 's/^\([^ #]*==[^ ;\\]*\).*/\1/p' "$1"; }

# our_wheel SOURCE FOLDER: the wheel of the project itself
our_wheel() {
  [ -f "$1/services/gateway/web/dist/index.html" ] || { say "chưa có trang web / the dashboard is not built: make web"; exit 2; }
  "$python" -m pip wheel -q --disable-pip-version-check --no-deps -w "$2" "$1" >&2
}

# sbom ARGUMENT…: prints a bill of materials (k8s/sbom.py), which has an environment of its own
sbom() { make -s .venv-sbom/ready >&2 && .venv-sbom/bin/python k8s/sbom.py "$@"; }
