# Sourced after wheels.sh: images of the distribution's packages, for builds without a registry of images.
export BUILDAH_ISOLATION=chroot
shopt -s inherit_errexit # what fails in $(make_base …) ends the build
DEBIAN_BASE=python3-minimal,libpython3-stdlib,ca-certificates,libstdc++6
DEBIAN_BUILD=$DEBIAN_BASE,python3-venv,binutils

# build_image NAME CONTEXT CONTAINERFILE BASE [BUILD TARGET]
build_image() {
  buildah build -q --layers=false --build-arg BASE_IMAGE="$4" --build-arg BUILD_IMAGE="${5:-$4}" ${6:+--target "$6"} \
    -t "$1" -f "$3" "$2" >/dev/null
}

# keep_image NAME FILE: an archive of an image
keep_image() { rm -f "$2" && buildah push -q "$1" "docker-archive:$2:$1"; }

# debian_archives: the archives of Debian 12 that apt of this machine reads, those of updates and of security among them
debian_archives() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    grep -E '/debian(-security)?/? bookworm(-updates|-security)? main$' | sort -u | sed "s|^|deb $([ ! -r "$keys" ] || echo "[signed-by=$keys] ")|"
}

# make_base NAME PACKAGES: an image of the distribution's packages, with their copyright files and without other
# documentation and translations; kept for a week, so that images get Debian's security updates
make_base() {
  local archives name tar=build/image-base.tar container
  archives=$(debian_archives) || { say "không tìm thấy kho gói Debian 12 / no archive of Debian 12 in apt's sources: set BASE_IMAGE"; exit 2; }
  name=localhost/ngoclinh/$1:bookworm-$( (date +%G-%V; declare -f make_base; echo "$2 $archives") | sha256sum | cut -c1-12)
  if ! buildah inspect --type image "$name" >/dev/null 2>&1; then
    say "$name from the distribution's packages"
    mkdir -p build
    mmdebstrap --quiet --variant=essential \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
      --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include="usr-is-merged,$2" bookworm "$tar" - <<< "$archives" >&2
    container=$(buildah from scratch)
    buildah add -q "$container" "$tar" / >/dev/null
    buildah run "$container" -- sh -c 'find /usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} +; rm -rf /var/lib/apt /var/cache/* /var/log/*'
    buildah commit -q --rm "$container" "$name" >/dev/null
    rm -f "$tar"
    buildah images --format '{{.Name}}:{{.Tag}}' | grep -F "localhost/ngoclinh/$1:" | grep -vxF "$name" | xargs -r buildah rmi >/dev/null 2>&1 || true
  fi
  printf '%s' "$name"
}
