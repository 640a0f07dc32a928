# Sourced after wheels.sh: images of the distribution's packages, for builds without a registry of images.
export BUILDAH_ISOLATION=chroot
DEBIAN_BASE=python3-minimal,libpython3-stdlib,ca-certificates,libstdc++6
DEBIAN_BUILD=$DEBIAN_BASE,python3-venv,binutils

# build_image NAME CONTEXT CONTAINERFILE BASE [BUILD TARGET]
build_image() {
  buildah build -q --layers=false --build-arg BASE_IMAGE="$4" --build-arg BUILD_IMAGE="${5:-$4}" ${6:+--target "$6"} \
    -t "$1" -f "$3" "$2" >/dev/null
}

# keep_image NAME FILE: an archive of an image
keep_image() { rm -f "$2" && buildah push -q "$1" "docker-archive:$2:$1"; }

# make_base NAME PACKAGES: an image of the distribution's packages, without documentation and translations
make_base() {
  local name=localhost/ngoclinh/$1:bookworm uri tar=build/image-base.tar container
  if ! buildah inspect --type image "$name" >/dev/null 2>&1; then
    uri=$(grep -rhoE '(https?|file)://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ')
    [ -n "$uri" ] || { say "không tìm thấy kho gói Debian / no Debian archive in apt's sources: set BASE_IMAGE"; exit 2; }
    say "$name from the distribution's packages"
    mkdir -p build
    mmdebstrap --quiet --variant=essential \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
      --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="usr-is-merged,$2" bookworm "$tar" "$uri" >&2
    container=$(buildah from scratch)
    buildah add -q "$container" "$tar" / >/dev/null
    buildah run "$container" -- sh -c 'find /usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} +; rm -rf /var/lib/apt /var/cache/* /var/log/*'
    buildah commit -q --rm "$container" "$name" >/dev/null
    rm -f "$tar"
  fi
  printf '%s' "$name"
}
