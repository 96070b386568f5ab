# Functions of ./dev; sourced, from the root of the repository.

say() { printf '%s\n' "$*" >&2; }

die() {
  printf 'dev: %s\n' "$1" >&2
  exit "${2:-1}"
}

# "PACKAGE (PROGRAM)" a line, in the given sections of tools/packages.txt; the program may be left out.
listed_packages() {
  awk -v wanted=" $* " '
    { sub(/#.*/, "") }
    /^\[/ { section = substr($1, 2, length($1) - 2); next }
    NF && index(wanted, " " section " ") { print $1, $2 }' tools/packages.txt
}

missing_packages() {
  local package program
  listed_packages "$@" | while read -r package program; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ] || continue
    program=${program//[()]/}
    [ -n "$program" ] && command -v "$program" >/dev/null || printf '%s ' "$package"
  done
}

# need_packages SECTION...: installs what is missing, or says how and ends.
need_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "dev: not a Debian system; the equivalents of tools/packages.txt must be installed"
    return
  fi
  local missing as_root=()
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    if ! sudo -n true 2>/dev/null; then
      say "dev: these packages are missing; install them and call ./dev again:"
      die "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
    fi
  fi
  say "dev: installing $(wc -w <<<"$missing") packages: $missing"
  mkdir -p build
  # shellcheck disable=SC2086  # a list of words
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      -o DPkg::Lock::Timeout=300 $missing; } </dev/null >build/apt.log 2>&1; then
    tail -n 20 build/apt.log >&2
    die "apt-get failed (its output: build/apt.log). Freshet needs Debian 12's main packages"
  fi
}

# ccache finds what another checkout compiled, and is left out where it can't keep its files.
set_up_ccache() {
  local dir=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ccache}
  if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ]; then
    export CCACHE_DIR=$dir CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
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

# build_preset PRESET [TARGET]
build_preset() {
  local preset=$1 target=${2:-all} start=$SECONDS log
  local dir=build/${preset/fuzz/asan}  # the fuzz targets are made of the same objects
  mkdir -p "$dir"
  set_up_ccache
  log=$dir/configure.log
  if ! cmake --preset "$preset" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    die "cmake could not configure $preset (its output is above and in $log)"
  fi
  say "dev: building $preset"
  log=$dir/build.log
  if ! NINJA_STATUS='[%f/%t %es] ' run_quietly "$log" ninja -C "$dir" -j "${FRESHET_JOBS:-$(nproc)}" "$target"; then
    grep -aq '^FAILED' "$log" && [ ! -t 2 ] && sed -n '/^FAILED/,$p' "$log" | head -n 80 >&2
    die "building $preset failed (all output: $log)"
  fi
  say "dev: built $preset in $((SECONDS - start)) s"
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
    "") cpp_files | xargs -0 -r -n 16 -P "$(nproc)" clang-format-14 -i ;;
    --check)
      cpp_files | xargs -0 -r -n 16 -P "$(nproc)" clang-format-14 --dry-run --Werror ||
        die "some files are not formatted: ./dev format does it"
      ;;
    *) die "format knows --check only" 2 ;;
  esac
}
