# Functions of ./dev; sourced, from the root of the repository.

say() { printf '%s\n' "$*" >&2; }

die() {
  printf 'dev: %s\n' "$1" >&2
  exit "${2:-1}"
}

# --- this machine ---------------------------------------------------------------------------------------------------
# Whatever stands in the way is said in one line, with what to do.

FREE_MIB_MIN=2048  # objects, programs and the tests' files

# The number of this Debian; nothing on another system, and on a Debian that nobody has tried.
debian_release() {
  local file=${FRESHET_OS_RELEASE:-/etc/os-release}
  (
    ID='' VERSION_ID=''
    # shellcheck disable=SC1090
    [ ! -r "$file" ] || . "$file"
    case "$ID $VERSION_ID" in "debian 12" | "debian 13") echo "$VERSION_ID" ;; esac
  )
}

need_architecture() {
  local machine
  machine=$(uname -m)
  [ "$machine" = x86_64 ] || [ -n "${FRESHET_ANY_ARCH:-}" ] ||
    die "this is $machine, and Freshet is built and tested on x86_64: take such a machine or container, or set FRESHET_ANY_ARCH=1 to try it here"
}

need_disk() {
  local free
  mkdir -p build 2>/dev/null && [ -w build ] || die "can't write into $PWD/build: make the checkout writable for $(id -un)"
  free=$(df -Pm build | awk 'NR == 2 { print $4 }')
  [ "${free:-0}" -ge "$FREE_MIB_MIN" ] ||
    die "only $free MiB are free for $PWD/build: free $((FREE_MIB_MIN - free)) MiB more, or put the checkout on another disk"
}

disk_is_full() { grep -aqs 'No space left on device' "$@"; }

# --- packages -------------------------------------------------------------------------------------------------------

# "PACKAGE PROGRAM NEEDED" a line, in the given sections of tools/packages.txt, by the names of this Debian; a program
# may be `-`.
listed_packages() {
  awk -v wanted=" $* " -v column="$([ "$(debian_release)" = 13 ] && echo 2 || echo 1)" '
    { sub(/#.*/, "") }
    /^\[/ { section = substr($1, 2, length($1) - 2); next }
    NF && index(wanted, " " section " ") {
      names = split($0, name, "|")
      split(name[column <= names ? column : names], word, " ")
      program = word[2]
      gsub(/[()]/, "", program)
      optional = sub(/\?$/, "", word[1])
      print word[1], program == "" ? "-" : program, optional ? "optional" : "needed"
    }' tools/packages.txt
}

# missing_packages needed|any SECTION...
missing_packages() {
  local which=$1 package program need
  shift
  listed_packages "$@" | while read -r package program need; do
    [ "$which" = any ] || [ "$need" = needed ] || continue
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ] || continue
    [ "$program" != - ] && command -v "$program" >/dev/null || printf '%s ' "$package"
  done
}

# need_packages SECTION...: installs what is missing, or says how and ends.
need_packages() {
  need_architecture
  need_disk
  if [ -z "$(debian_release)" ]; then
    local advice="this is not Debian 12 or 13: use one of them (a container will do), or install what corresponds to tools/packages.txt yourself"
    command -v cmake >/dev/null && command -v ninja >/dev/null && command -v g++ >/dev/null || die "$advice"
    say "dev: $advice"
    return
  fi
  local missing as_root=() install=(apt-get install -y --no-install-recommends)
  missing=$(missing_packages needed "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    sudo -n true 2>/dev/null ||
      die "packages are missing, and installing them needs root: sudo sh -c 'apt-get update && ${install[*]} ${missing% }'"
  fi
  missing=$(missing_packages any "$@")
  say "dev: installing $(wc -w <<<"$missing") packages: $missing"
  # shellcheck disable=SC2086  # a list of words
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" -o DPkg::Lock::Timeout=300 $missing; } </dev/null >build/apt.log 2>&1; then
    die "$(why_apt_failed)"
  fi
}

why_apt_failed() {
  if disk_is_full build/apt.log; then
    echo "the disk is full (apt-get: build/apt.log): free some GB, and call ./dev again"
  elif grep -Eqs 'Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Connection (failed|timed out|refused)' build/apt.log; then
    echo "the servers of Debian's packages can't be reached (build/apt.log): connect to a network, or name a mirror in /etc/apt, and call ./dev again"
  else
    echo "apt-get failed: $(grep -a '^E:' build/apt.log | head -n 1) (all output: build/apt.log); Freshet needs the main packages of Debian 12 or 13"
  fi
}

# --- build ----------------------------------------------------------------------------------------------------------

# ccache finds what another checkout compiled, and is left out where it is not installed or can't keep its files.
set_up_ccache() {
  local dir=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ccache}
  if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ]; then
    # Depend: which headers a file includes is known from the compiler, not from a preprocessor run before it.
    export CCACHE_DIR=$dir CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
  else
    export CCACHE_DISABLE=1
  fi
}

# run_quietly LOG COMMAND...: on a terminal ninja shows itself; elsewhere a line of its progress every 20 seconds.
run_quietly() {
  local log=$1 waited=0
  shift
  if [ -t 2 ] && [ -z "${CI:-}" ]; then
    "$@" 2>&1 | tee "$log" >&2
    return "${PIPESTATUS[0]}"
  fi
  "$@" >"$log" 2>&1 </dev/null &
  local job=$!
  trap 'kill "$job" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$job" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
    [ $((waited % 20)) != 0 ] || grep -a '^\[' "$log" | tail -n 1 | cut -c -100 >&2
  done
  trap - INT TERM
  wait "$job"
}

# processor_seconds: what the programs that this shell has waited for used so far, for themselves and in the system.
processor_seconds() {
  awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print int(($14 + $15) / hz)}' "/proc/$$/stat"
}

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1 start=$SECONDS used log
  local dir=build/${preset/fuzz/asan}  # the fuzz targets are made of the same objects
  shift
  mkdir -p "$dir"
  set_up_ccache
  # CMake would do it, too, but without a word.
  tools/librdkafka >/dev/null || die "there is no client for Kafka to build with (see above)"
  tools/uplot >/dev/null || die "there is no chart library for the console to build with (see above)"
  log=$dir/configure.log
  if ! cmake --preset "$preset" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    die "cmake could not configure $preset (its output is above and in $log)"
  fi
  say "dev: building $preset${*:+: $*}"
  log=$dir/build.log
  used=$(processor_seconds)
  if ! NINJA_STATUS='[%f/%t %es] ' run_quietly "$log" ninja -C "$dir" -j "${FRESHET_JOBS:-$(nproc)}" "$@"; then
    disk_is_full "$log" && die "the disk is full (all output: $log): free some GB, and call ./dev again"
    grep -aq '^FAILED' "$log" && [ ! -t 2 ] && sed -n '/^FAILED/,$p' "$log" | head -n 80 >&2
    die "building $preset failed (all output: $log)"
  fi
  say "dev: built $preset in $((SECONDS - start)) s; the compilers used $(($(processor_seconds) - used)) s of processor time"
}

cpp_files() {
  local folders=() folder
  for folder in src bench tests sim; do
    [ ! -d "$folder" ] || folders+=("$folder")
  done
  find "${folders[@]}" -name node_modules -prune -o \( -name '*.h' -o -name '*.cc' \) -print0
}

format() {
  case "${1:-}" in
    "") cpp_files | xargs -0 -r -n 16 -P "$(nproc)" clang-format-19 -i ;;
    --check)
      cpp_files | xargs -0 -r -n 16 -P "$(nproc)" clang-format-19 --dry-run --Werror ||
        die "some files are not formatted: ./dev format does it"
      ;;
    *) die "format knows --check only" 2 ;;
  esac
}
