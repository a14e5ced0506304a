#!/usr/bin/env bash
# A throw-away Postgres (>= 15) with pgvector (>= 0.8) on a Debian machine, with nothing installed system-wide.
#
#   scripts/services/postgres.sh start [--no-superuser] [folder]   prints DATABASE_URL=...
#   scripts/services/postgres.sh stop [folder]                     ends that server and removes its folder
#
# --no-superuser: the url's role is no superuser but what a managed Postgres hands out (CREATEROLE, CREATEDB, owner of the database).
# folder: new or empty; the default is one per user in the temporary folder. Two servers need two folders.
# The build is kept in $SIGNALBOX_SERVICES_CACHE, or ~/.cache/signalbox-services.
# For tests only: connections are trusted, and a power cut loses data.
set -euo pipefail
shopt -s inherit_errexit

readonly RECIPE=1 # raise it when the build below changes: old caches are then not used
readonly SOURCE_SUITE=trixie # the first Debian release whose pgvector is 0.8
readonly MARKER=.signalbox-postgres
readonly ARCHIVE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

step='reading the arguments'
folder='' scratch='' tarball='' user='' port='' # what the steps below hand to each other
folder_taken=no failure_told=no

say() { echo "postgres.sh: $*" >&2; }

fail() {
  say "FAILED while $step: $*"
  failure_told=yes
  exit 1
}

clean_up() {
  local status=$?
  [[ $status -eq 0 || $failure_told == yes ]] || say "FAILED while $step (status $status)"
  rm -rf "$scratch"
  if [[ $status -ne 0 && $folder_taken == yes ]]; then stop; fi
}

begin() {
  step=$1
  say "$step"
}

# Runs a command quietly; shows all it said when it fails.
quietly() {
  local log=$scratch/output.log
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    fail "'$1' did not succeed"
  }
}

# --- the build -------------------------------------------------------------------------------------------------------

# A configuration of our own: the machine's lists, locks and installed packages are neither needed nor touched.
private_apt() {
  "$1" -o Dir::Etc::sourcelist="$scratch/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o Dir::State="$scratch/apt/state" -o Dir::State::status="$scratch/apt/status" \
    -o Dir::Cache="$scratch/apt/cache" -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User= "${@:2}"
}

# The address of the Debian archive is whatever this machine's own sources name for its own release.
update_package_lists() {
  local release address addresses options=''
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [[ -n $release ]] || fail '/etc/os-release names no release; this script needs Debian'
  mkdir -p "$scratch"/apt/{state/lists/partial,cache/archives/partial}
  : >"$scratch/apt/status"
  addresses=$(apt-get -o Debug::NoLocking=1 update --print-uris | sed -n "s#^'\(.*\)/dists/$release/InRelease'.*#\1#p")
  [[ -n $addresses ]] || fail "this machine's apt sources name no archive for '$release'"
  if [[ -r $ARCHIVE_KEYRING ]]; then options="[signed-by=$ARCHIVE_KEYRING] "; fi
  for address in $addresses; do
    printf 'deb %s%s %s main\ndeb-src %s%s %s main\n' \
      "$options" "$address" "$release" "$options" "$address" "$SOURCE_SUITE" >"$scratch/apt/sources.list"
    if private_apt apt-get -o APT::Update::Error-Mode=any -qq update >"$scratch/output.log" 2>&1; then return; fi
  done
  cat "$scratch/output.log" >&2
  fail "no archive of this machine serves '$release' with the sources of '$SOURCE_SUITE'"
}

newest_postgres_version() {
  private_apt apt-cache pkgnames postgresql- | sed -n 's/^postgresql-\([0-9][0-9]*\)$/\1/p' | sort -n | tail -1
}

unpack_packages() {
  local package
  for package in "$scratch"/debs/*.deb; do quietly dpkg -x "$package" "$1"; done
  rm "$scratch"/debs/*.deb
  # Some packages still keep their libraries in /lib, which is /usr/lib on the machine.
  if [[ -d $1/lib ]]; then
    cp -a "$1/lib/." "$1/usr/lib/"
    rm -rf "$1/lib"
  fi
}

# Prints the folder of the unpacked libraries, which the machine may lack.
library_folder() { dirname "$1"/usr/lib/*/libpq.so.5; }

missing_libraries() {
  LD_LIBRARY_PATH=$(library_folder "$1") ldd "$(binaries "$1")"/{postgres,initdb,psql} | sed -n 's/^\s*\(\S*\) => not found.*/\1/p' | sort -u
}

binaries() { echo "$1"/usr/lib/postgresql/*/bin; }

build_postgres() {
  local root=$1 version missing
  version=$(newest_postgres_version)
  [[ -n $version && $version -ge 15 ]] || fail "this machine's archive has Postgres '${version:-none}', 15 is needed"
  begin "unpacking Postgres $version"
  mkdir -p "$scratch/debs" "$root"
  cd "$scratch/debs"
  quietly private_apt apt-get -qq download \
    "postgresql-$version" "postgresql-client-$version" "postgresql-server-dev-$version" libpq-dev libpq5
  unpack_packages "$root"
  missing=$(missing_libraries "$root")
  if [[ -n $missing ]]; then
    say "$step: adding what this machine lacks:" $missing
    quietly private_apt apt-get -y -o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=1 \
      -o Dir::Cache::archives="$scratch/debs" --no-install-recommends --download-only install "postgresql-$version"
    unpack_packages "$root"
    missing=$(missing_libraries "$root")
    [[ -z $missing ]] || fail "libraries are missing:" $missing
  fi
}

# OPTFLAGS="": Debian's own choice is -march=native, which a cache shared between machines would not survive; pgvector picks
# its vector instructions at run time.
build_pgvector() {
  local root=$1 version
  begin "building pgvector"
  command -v make >/dev/null && command -v gcc >/dev/null || fail 'make and gcc are needed (apt-get install make gcc libc6-dev)'
  mkdir -p "$scratch/pgvector"
  cd "$scratch"
  quietly private_apt apt-get -qq source --download-only pgvector
  quietly tar -xf pgvector_*.orig.tar.* -C pgvector --strip-components=1
  version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" pgvector/vector.control)
  [[ $(printf '%s\n' 0.8 "$version" | sort -V | head -1) == 0.8 ]] || fail "the archive has pgvector $version, 0.8 is needed"
  quietly make -C pgvector -j2 with_llvm=no OPTFLAGS= PG_CONFIG="$(binaries "$root")/pg_config"
  quietly make -C pgvector with_llvm=no OPTFLAGS= PG_CONFIG="$(binaries "$root")/pg_config" install
}

# One tar file, moved into place whole: a reader never sees half of it, and the server's user need not be able to enter the cache.
build_tarball() {
  local root=$scratch/root
  begin 'reading the package lists'
  update_package_lists
  build_postgres "$root"
  build_pgvector "$root"
  begin "keeping the build in $tarball"
  rm -rf "$root"/usr/{include,share/{doc,man,locale}} "$root"/usr/lib/postgresql/*/lib/{pgxs,bitcode}
  cd /
  quietly tar -cf "$scratch/build.tar" -C "$root" usr
  mv "$scratch/build.tar" "$tarball.new" # another file system perhaps; the rename after it is what readers see
  mv "$tarball.new" "$tarball"
}

usable_folder() { mkdir -p "$1" 2>/dev/null && [[ -O $1 && -w $1 ]]; }

# Without a home folder of its own (HOME unset, missing or read-only) the cache moves to the temporary folder.
cache_folder() {
  local named=${SIGNALBOX_SERVICES_CACHE:-} home=${HOME:-} fallback
  if [[ -n $named ]]; then
    mkdir -p "$named" && [[ -w $named ]] || fail "SIGNALBOX_SERVICES_CACHE cannot be written: $named"
    realpath "$named"
    return
  fi
  if [[ -d $home ]] && usable_folder "$home/.cache/signalbox-services"; then
    echo "$home/.cache/signalbox-services"
    return
  fi
  # Only a folder of our own is trusted: what lies in it is executed.
  fallback=${TMPDIR:-/tmp}/signalbox-services-$(id -u)
  usable_folder "$fallback" || fail "no folder for the build: neither the home folder nor $fallback can be written"
  chmod 700 "$fallback"
  echo "$fallback"
}

# Of several starts at once with an empty cache, one builds and the others wait for it.
find_tarball() {
  local cache
  begin 'finding the cache'
  cache=$(cache_folder)
  tarball=$cache/postgres-$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")-$(uname -m)-$RECIPE.tar
  exec 9>"$cache/lock"
  flock -w 300 9 || fail "another start has held $cache/lock for five minutes"
  if [[ ! -e $tarball ]]; then build_tarball; fi
  exec 9>&- # the server must not inherit the lock
}

# --- the server ------------------------------------------------------------------------------------------------------

# Postgres refuses to run as root.
server_user() {
  if [[ $(id -u) -ne 0 ]]; then id -un
  elif id postgres >/dev/null 2>&1; then echo postgres
  else echo nobody; fi
}

as_server() {
  if [[ $(id -u) -ne 0 ]]; then "$@"
  else setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"; fi
}

prepare_folder() {
  local marker=$folder/$MARKER
  begin "preparing $folder"
  mkdir -p "$folder"
  [[ -z $(ls -A "$folder") ]] || fail "the folder is not empty; end the server that it may hold with: $0 stop $folder"
  (set -o noclobber && : >"$marker") 2>/dev/null || fail 'another start took the folder first'
  folder_taken=yes
  if [[ $(id -u) -eq 0 ]]; then chown "$user" "$folder"; fi
  chmod 700 "$folder"
  as_server test -w "$folder" || fail "user '$user', who runs the server, cannot reach the folder"
}

server_process() {
  local pid
  pid=$(head -1 "$folder/data/postmaster.pid" 2>/dev/null) || return 1
  # A pid may have been given to somebody else since: a postmaster works in its data folder.
  [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$folder/data" ]] && echo "$pid"
}

# Another process may take a free port before the server does, so the server itself is the test.
start_server() {
  local attempt log=$folder/server.log
  begin 'starting the server'
  for attempt in {1..20}; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    : >"$log"
    if as_server "$(binaries "$folder")/pg_ctl" -D "$folder/data" -l "$log" -s -w -t 60 -o "-p $port" start >/dev/null 2>&1 </dev/null; then
      return
    fi
    grep -q 'Address already in use' "$log" || break
  done
  cat "$log" >&2
  fail 'Postgres did not come up; its log is above'
}

settings() {
  cat <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '"$folder/socket"'
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
END
}

psql_as_superuser() {
  as_server "$(binaries "$folder")/psql" \
    -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres "$@"
}

create_database() {
  begin 'creating the database'
  if [[ $role == postgres ]]; then
    quietly psql_as_superuser -d postgres -c 'create database signalbox'
    return
  fi
  # In template1 too, so that the databases this role makes have the extension, as a managed server's would.
  quietly psql_as_superuser -d template1 -c 'create extension vector'
  quietly psql_as_superuser -d postgres -c "create role $role login nosuperuser createrole createdb"
  quietly psql_as_superuser -d postgres -c "create database signalbox owner $role"
}

start() {
  local role=$1
  umask 022
  unset "${!PG@}" # the caller's own Postgres settings
  for tool in apt-get apt-cache dpkg flock setpriv tar; do
    command -v "$tool" >/dev/null || fail "'$tool' is needed; without Debian's tools, compose.yaml brings the same server"
  done
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/signalbox-build.XXXXXX")
  user=$(server_user)
  [[ ${#folder} -le 80 ]] || fail "the folder's path is too long for a socket in it: $folder"
  prepare_folder
  find_tarball
  begin 'unpacking the build'
  tar -xf "$tarball" -C "$folder" --no-same-owner || fail "remove $tarball and start again"
  LD_LIBRARY_PATH=$(library_folder "$folder")
  export LD_LIBRARY_PATH
  begin 'making the data folder'
  cd "$folder"
  quietly as_server "$(binaries "$folder")/initdb" -D "$folder/data" -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8
  quietly as_server mkdir -m 700 "$folder/socket"
  settings >>"$folder/data/postgresql.conf"
  quietly as_server touch "$folder/server.log"
  start_server
  create_database
  say "ready; end it with: $0 stop $folder"
  echo "DATABASE_URL=postgres://$role@127.0.0.1:$port/signalbox"
}

stop() {
  local pid waited
  step="stopping the server in $folder"
  [[ -e $folder ]] || { say "nothing to stop in $folder"; return; }
  [[ -e $folder/$MARKER ]] || fail "the folder was not made by this script; nothing was touched"
  if pid=$(server_process); then
    kill -INT "$pid"
    for waited in {1..100}; do
      server_process >/dev/null || break
      [[ $waited -ne 70 ]] || kill -QUIT "$pid"
      sleep 0.1
    done
    if server_process >/dev/null; then fail "process $pid does not end"; fi
  fi
  cd /
  rm -rf "$folder"
}

main() {
  local command=${1:-} role=postgres
  shift || true
  while [[ $# -gt 0 ]]; do
    case $1 in
      --no-superuser) role=signalbox_login ;;
      -*) fail "unknown option $1" ;;
      *) [[ -z $folder ]] || fail 'one folder only'; folder=$1 ;;
    esac
    shift
  done
  folder=$(realpath -m "${folder:-${TMPDIR:-/tmp}/signalbox-postgres-$(id -u)}")
  case $command in
    start) start "$role" ;;
    stop) stop ;;
    *) fail "usage: $0 start [--no-superuser] [folder] | stop [folder]" ;;
  esac
}

main "$@"
