#!/usr/bin/env bash
# Isaac Sim 5.1: NVIDIA's standalone archive, downloaded, checked and unpacked; or the user's own.
# usage: scripts/setup/isaac_sim.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

step_name() { say "installing Isaac Sim $ISAAC_SIM in $sim"; }

# What the archive and its content take, and the hosts it comes from.
needs() {
  [[ -n "$own_sim" ]] && ! is_unpacked || return 0
  say "--disk=$DISK_ISAAC_SIM_GB:$install"
  if [[ -z "$local_archive" && ! -f "$archive" ]]; then
    say "--disk=$DISK_ARCHIVE_GB:$install"
    [[ "$address" == file:* ]] || say "--host=$(host_of "$address")"
  fi
}

complain() {
  if [[ -z "$own_sim" ]]; then
    complain_about_existing
  else
    complain_about_move
    is_ours "$install" || say "INSTALL '$install' is not empty and was not made by this project; name another folder"
    [[ ! -e "$sim" || -f "$SIM_FILES" ]] ||
      say "'$sim' was not made by this project; move it away, or use it as it is with ISAACSIM_PATH=$sim"
    [[ -z "$local_archive" || -r "$local_archive" && -f "$local_archive" ]] ||
      say "the archive '$local_archive' is not a file that can be read; name it with ISAAC_SIM_ZIP=/path/to/$ARCHIVE"
  fi
}

# What is in one folder is not forgotten for another.
complain_about_move() {
  local before
  before=$(receipt_value INSTALL "$CHOICES")
  before=${before:-$ROOT/$STATE}
  [[ "$install" == "$before" || ! -d "$before/isaacsim" ]] ||
    say "INSTALL was '$before', which holds what set-up installed; first: make uninstall SIM=isaac"
}

complain_about_existing() {
  if [[ ! -x "$sim/python.sh" ]]; then
    say "ISAACSIM_PATH '$sim' has no python.sh, so it is not a standalone Isaac Sim; name its root folder"
  elif [[ "$sim" == *[[:space:]]* ]]; then
    say "ISAACSIM_PATH '$sim' has a space, with which Isaac Sim's own python.sh does not work; name a link without one"
  elif ! version_is_right "$sim"; then
    say "ISAACSIM_PATH '$sim' is Isaac Sim '$(version_found "$sim")', $ISAAC_SIM is wanted; name another folder"
  elif [[ ! -w "$sim/kit/python/lib/python$ISAAC_PYTHON/site-packages" ]]; then
    say "ISAACSIM_PATH '$sim' is read-only for you, packages go into its Python; make it yours: sudo chown -R \"\$USER\" '$sim'"
  fi
}

# Absent, empty, or with the marker. The state's own folder may hold the licence already.
is_ours() { [[ ! -e "$1" || -f "$1/$STATE_MARKER" ]] || { [[ -d "$1" ]] && [[ -z "$(ls -A "$1")" ]]; }; }

# The text before the first '-': VERSION reads like 5.1.0-rc.19+release.26219.9c81211b.gl
version_found() {
  local line=''
  [[ ! -r "$1/VERSION" ]] || IFS= read -r line <"$1/VERSION" || true
  printf '%s' "${line%%-*}"
}

version_is_right() {
  local found
  found=$(version_found "$1")
  [[ "$found" == "$ISAAC_SIM" || "$found" == "$ISAAC_SIM".* ]]
}

# The folder appears under its name only when it is whole.
is_unpacked() { [[ -x "$sim/python.sh" ]] && version_is_right "$sim"; }

inputs() {
  cat <<INPUTS
path $sim
own ${own_sim:-0}
version $ISAAC_SIM
INPUTS
}

check() {
  local receipt
  receipt=$(receipt_of isaac_sim)
  [[ -f "$receipt" && "$(inputs)" == "$(<"$receipt")" ]] && is_unpacked
}

install() {
  rm -f "$(receipt_of isaac_sim)"
  if [[ -n "$own_sim" ]]; then
    is_unpacked || {
      get_archive
      check_archive
      unpack
    }
    finish
  fi
  inputs | write_receipt "$(receipt_of isaac_sim)"
  forget_archive
}

report() { say "Isaac Sim $(version_found "$sim") in $sim"; }

# --- the archive ---------------------------------------------------------------------------------

# Sets `archive`, where it is or will be, `local_archive` if the user has it, and `address`.
find_archive() {
  local_archive=${SETUP_ISAAC_SIM_ZIP-}
  [[ -z "${SETUP_OFFLINE-}" ]] || local_archive=${local_archive:-$SETUP_OFFLINE/$ARCHIVE}
  address=${SETUP_ISAAC_SIM_URL:-$ARCHIVE_URL}
  archive=${local_archive:-$install/downloads/$ARCHIVE}
}

get_archive() {
  [[ ! -f "$archive" ]] || return 0
  mkdir -p "${archive%/*}"
  part "download" scripts/download.sh "$address" "$archive" || die "$(tool_said)"
}

# What scripts/download.sh or extract.py said last, which lead on to the command that called them.
tool_said() {
  local line
  line=$(last_line)
  line=${line#download: } line=${line#extract: }
  line=${line//run the same command again/make setup}
  [[ "$line" == *'make setup'* ]] || line+="; then: make setup"
  printf '%s' "$line"
}

# The first archive seen is the one to be seen again: NVIDIA publishes no checksum.
check_archive() {
  local bytes hash known
  bytes=$(stat -c %s -- "$archive")
  part "checksum of the archive" sha256sum "$archive" || die "$(last_line); then: make setup"
  hash=$(last_line)
  hash=${hash#\\} hash=${hash%% *}
  known=$(receipt_value sha256 "$ARCHIVE_LOCK")
  if [[ -z "$known" ]]; then
    printf 'sha256 %s\nbytes %s\nname %s\nseen %s\n' \
      "$hash" "$bytes" "$ARCHIVE" "$(date -u +%Y-%m-%d)" | write_receipt "$ARCHIVE_LOCK"
  elif [[ "$known" != "$hash" ]]; then
    die "'$archive' is not the archive seen on $(receipt_value seen "$ARCHIVE_LOCK"): its SHA-256 is $hash and was" \
      "$known; if you trust the new one, remove $ARCHIVE_LOCK, else remove the archive, then: make setup"
  fi
}

unpack() {
  local target=$sim.part
  rm -rf -- "$target"
  part "unpacking" "$SETUP_PYTHON" -I scripts/extract.py "$archive" "$target" || unpack_failed
  [[ -x "$target/python.sh" ]] || archive_is_wrong "has no python.sh in it"
  version_is_right "$target" || archive_is_wrong "holds Isaac Sim '$(version_found "$target")', not $ISAAC_SIM"
  write_file_list "$target"
  # What was put into the Python that goes now, goes with it.
  forget_merge packages
  forget_merge robot
  forget_merge task_packages
  rm -rf -- "$sim"
  mv -- "$target" "$sim"
}

# For uninstall, which keeps what is not in it; and the proof that the folder is set-up's.
write_file_list() { (cd -- "$1" && find . ! -type d -print0 | LC_ALL=C sort -z) | write_receipt "$SIM_FILES"; }

# A damaged archive must not be locked in as the right one.
unpack_failed() {
  local why
  why=$(tool_said)
  rm -rf -- "$sim.part"
  if part_output | grep -qiE 'whole zip|CRC|damaged|corrupt|truncated'; then rm -f "$ARCHIVE_LOCK"; fi
  die "$why"
}

archive_is_wrong() {
  rm -rf -- "$sim.part"
  rm -f "$ARCHIVE_LOCK"
  die "the archive '$archive' $1; name the one of Isaac Sim $ISAAC_SIM: make setup ISAAC_SIM_ZIP=/path/to/$ARCHIVE"
}

# Its own post_install.sh would put an icon into the user's home; here that is an empty folder of
# the installation, for nothing outside is written.
finish() {
  local own_home=$install/home
  [[ -x "$sim/post_install.sh" ]] || return 0
  mkdir -p "$own_home"
  isaac_environment
  isaac_env+=("HOME=$own_home" PYTHONDONTWRITEBYTECODE=1)
  part "post_install.sh" in_folder "$sim" "${isaac_env[@]}" ./post_install.sh ||
    die "Isaac Sim's post_install.sh failed: $(last_line); the full log is $PARTS_LOG; then: make setup"
  write_file_list "$sim"
}

forget_archive() {
  if [[ "${SETUP_KEEP_ZIP-}" == 0 && -n "$own_sim" && -z "$local_archive" ]]; then rm -f -- "$archive"; fi
}

main() {
  clean_environment
  read_places
  find_archive
  "$1"
}

main "$@"
