#!/usr/bin/env bash
# Finds a redis-server for the tests, or fetches Debian's, with nothing installed system-wide.
#
#   scripts/services/redis.sh [folder]   prints the folder to add to the PATH, with redis-server in it
#
# folder: where a fetched one is kept; the default is $SIGNALBOX_SERVICES_CACHE/redis or ~/.cache/signalbox-services/redis.
# The tests start and stop the server themselves.
set -euo pipefail

folder=$(realpath -m "${1:-${SIGNALBOX_SERVICES_CACHE:-${HOME:-/tmp}/.cache/signalbox-services}/redis}")
scratch=''

fail() {
  echo "redis.sh: FAILED: $*" >&2
  exit 1
}

clean_up() { rm -rf "$scratch"; }

works() { "$1" --version >/dev/null 2>&1; }

# The machine's package lists, locks and cache are neither needed nor touched; its installed packages say what is missing.
private_apt() {
  apt-get -qq -o Dir::State="$scratch/state" -o Dir::State::status="${SIGNALBOX_DPKG_STATUS:-/var/lib/dpkg/status}" \
    -o Dir::Cache="$scratch/cache" -o Dir::Cache::archives="$scratch/debs" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3 "$@" >"$scratch/output.log" 2>&1 </dev/null || {
    cat "$scratch/output.log" >&2
    fail "apt-get $* did not succeed"
  }
}

fetch() {
  local package tool
  for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || fail "'$tool' is needed; without Debian's tools, put a redis-server of your own on the PATH"
  done
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/signalbox-redis.XXXXXX")
  trap clean_up EXIT
  mkdir -p "$scratch"/{state/lists/partial,cache,debs/partial}
  private_apt update
  private_apt -y --no-install-recommends --download-only install redis-server
  rm -rf "$folder"
  mkdir -p "$folder/bin"
  for package in "$scratch"/debs/*.deb; do dpkg -x "$package" "$folder"; done
  # Its libraries lie beside it and not where the machine looks.
  cat >"$folder/bin/redis-server" <<END
#!/usr/bin/env bash
export LD_LIBRARY_PATH=$(dirname "$folder"/usr/lib/*/liblzf.so.1):\${LD_LIBRARY_PATH:-}
exec '$folder/usr/bin/redis-server' "\$@"
END
  chmod +x "$folder/bin/redis-server"
}

if works redis-server; then
  dirname "$(command -v redis-server)"
  exit
fi
works "$folder/bin/redis-server" || fetch
works "$folder/bin/redis-server" || fail "the fetched redis-server does not run: $("$folder/bin/redis-server" --version 2>&1)"
echo "$folder/bin"
