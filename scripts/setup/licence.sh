#!/usr/bin/env bash
# NVIDIA's licence of Isaac Sim: accepted by the user, once, and recorded with the date.
# usage: scripts/setup/licence.sh ask|is_accepted|how_to_accept
#   ask  record the consent that ACCEPT_EULA=Y gives, or ask for it if there is a terminal

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

is_accepted() { [[ -s "$LICENCE" ]]; }

how_to_accept() {
  say "the licence of Isaac Sim is not accepted; read $LICENCE_URL and, if you accept it, add ACCEPT_EULA=Y"
}

ask() {
  ! is_accepted || return 0
  if [[ -n "${SETUP_ACCEPT_EULA-}" ]]; then
    record "ACCEPT_EULA=Y"
  elif [[ -t 0 && -t 1 ]]; then
    put_the_question
  fi
}

put_the_question() {
  local answer
  say "Isaac Sim is NVIDIA's software, under NVIDIA's licence: $LICENCE_URL"
  read -r -p 'Do you accept it? [y/N] ' answer || answer=
  case ${answer,,} in
    y | yes) record "the answer '$answer'" ;;
    *) die "the licence of Isaac Sim is not accepted, so it is not installed; without it: make setup SIM=mujoco" ;;
  esac
}

record() {
  mkdir -p "$STATE"
  : >"$STATE/$STATE_MARKER"
  say "accepted $(date -u +%Y-%m-%dT%H:%M:%SZ) $LICENCE_URL by $1" | write_receipt "$LICENCE"
}

main() {
  clean_environment
  "$1"
}

main "$@"
