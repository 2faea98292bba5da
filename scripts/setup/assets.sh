#!/usr/bin/env bash
# What the default tasks' scenes are made of, from the bundle that OFFLINE names, for a machine that
# cannot reach NVIDIA's server. ASSETS names a folder of the user's instead.
# usage: scripts/setup/assets.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

step_name() { say "copying the assets of the default tasks to $assets"; }

needs() { say "--disk=$DISK_ASSETS_GB:$install"; }

complain() {
  local from=${SETUP_OFFLINE-}
  if [[ -e "$assets" && ! -f "$assets/$STATE_MARKER" ]]; then
    say "'$assets' was not made by this project; move it away, or use it as it is with ASSETS=$assets"
  elif [[ -z "$from" ]]; then
    say "'$assets' is not as the bundle brought it; name the bundle: make setup OFFLINE=/path/to/it, or ask NVIDIA's" \
      "server: remove that folder"
  elif [[ ! -f "$from/assets/$GROUND_PLANE" ]]; then
    say "OFFLINE '$from' has no assets/$GROUND_PLANE; make it anew where there is network: make bundle OUT=$from"
  fi
}

inputs() {
  cat <<INPUTS
path $assets
list $(hash_of env/assets.txt)
INPUTS
}

check() {
  local receipt
  receipt=$(receipt_of assets)
  [[ -f "$receipt" && "$(inputs)" == "$(<"$receipt")" && -f "$assets/$GROUND_PLANE" ]]
}

install() {
  rm -f "$(receipt_of assets)"
  rm -rf -- "$assets.part" "$assets"
  part "copy" cp -R -- "$SETUP_OFFLINE/assets" "$assets.part" ||
    die "cannot copy '$SETUP_OFFLINE/assets': $(last_line); then: make setup OFFLINE=$SETUP_OFFLINE"
  : >"$assets.part/$STATE_MARKER"
  mv -- "$assets.part" "$assets"
  inputs | write_receipt "$(receipt_of assets)"
}

report() { :; }

main() {
  clean_environment
  read_places
  "$1"
}

main "$@"
