#!/usr/bin/env bash
# Installs what a simulator needs: preflight, then the steps of scripts/setup/ that are not done.
# A step that is done, by its receipt and a quick check, is left alone.
# usage: scripts/setup.sh [--sim=mujoco] [--python=PATH] [--rsl-rl=WHICH] [--dev] [--if-needed]
#   --rsl-rl     another rsl_rl than the pinned one: a number, a path or a git address; it is kept
#   --dev        the tools of make test and make lint too
#   --if-needed  say nothing when there is nothing to do

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

TOOLS='awk cat cp df flock grep ls mkdir mv rm sed sha256sum sleep tail timeout uname wc'

read_arguments() {
  sim=mujoco if_needed='' dev=''
  export SETUP_PYTHON='' SETUP_RSL_RL=''
  local argument
  for argument in "$@"; do
    case $argument in
      --sim=*) sim=${argument#*=} ;;
      --python=*) SETUP_PYTHON=${argument#*=} ;;
      --rsl-rl=*) SETUP_RSL_RL=${argument#*=} ;;
      --dev) dev=1 ;;
      --if-needed) if_needed=1 ;;
      *) die "unknown argument '$argument'; see the head of scripts/setup.sh" ;;
    esac
  done
  case $sim in
    mujoco) steps=(mujoco) ;;
    *) die "no steps for SIM '$sim'; make help lists the simulators" ;;
  esac
  [[ -z "$dev" ]] || steps+=(dev)
  [[ -n "$if_needed" ]] && next='' || next='; next: make train'
}

step() { "scripts/setup/$1.sh" "$2"; }

# Sets `todo` to the steps that are not done. After one that is not, nothing is trusted.
plan() {
  local name
  todo=()
  for name in "${steps[0]}" $(choice_step) "${steps[@]:1}"; do
    ((${#todo[@]} == 0)) && step "$name" check 2>/dev/null || todo+=("$name")
  done
}

is_due() { [[ " ${todo[*]} " == *" $1 "* ]]; }

# A step only where another rsl_rl than the pinned one is or was asked for.
choice_step() { if [[ -n "$SETUP_RSL_RL" ]] || choice_is_made; then say rsl_rl; fi; }

# Says every precondition that fails, not only the first.
preflight() {
  local missing='' tool
  complaints=()
  for tool in $TOOLS; do
    have "$tool" || missing+=" $tool"
  done
  checkout_is_writable ||
    complaints+=("cannot write in '$ROOT'; use a checkout on a writable file system")
  venv_is_ours || complaints+=("'.venv' was not made by this project; move it away")
  if [[ -n "$missing" ]]; then
    complaints+=("not on PATH:$missing; install util-linux, coreutils, gawk, grep and sed")
  else
    enough_disk
  fi
  if ((${#complaints[@]} > 0)); then
    for tool in "${complaints[@]::${#complaints[@]}-1}"; do warn "$tool"; done
    die "${complaints[-1]}, then: make setup SIM=$sim"
  fi
  ! is_due rsl_rl || step rsl_rl judge
}

enough_disk() {
  local name needed=0 free
  for name in "${todo[@]}"; do
    needed=$((needed + $(step "$name" needs)))
  done
  free=$(($(df -Pk "$ROOT" | awk 'NR == 2 { print $4 }') / 1000000))
  ((free >= needed)) ||
    complaints+=("$free GB are free on the disk of '$ROOT', $needed GB are needed; free some space")
}

# One at a time. The lock is inherited by what runs here, so a killed set-up holds it for as long
# as a part of it still writes.
lock() {
  mkdir -p .cache
  exec 9>.cache/setup.lock
  flock -n 9 && return
  warn "waiting for another set-up in this checkout to end"
  flock 9
}

carry_out() {
  local name
  rm -rf .cache/tmp
  mkdir -p .cache/tmp
  : >"$LOG"
  ! is_due rsl_rl || step rsl_rl remember
  for name in "${todo[@]}"; do
    say "setup: installing $(step "$name" step_name)"
    supervise "scripts/setup/$name.sh" install
  done
  rm -rf .cache/tmp
  say "setup: done in $SECONDS s$next"
}

# One line on what there is.
report() {
  local line
  line=$(step "${steps[0]}" report)
  ! choice_is_made || line+=", $(step rsl_rl report)"
  say "setup: nothing to do: $line$next"
}

main() {
  clean_environment
  read_arguments "$@"
  if [[ -n "$SETUP_PYTHON" ]] || ! venv_is_ready; then
    find_python "$SETUP_PYTHON"
    SETUP_PYTHON=$python
  fi
  plan
  if ((${#todo[@]} > 0)); then
    preflight
    lock
    plan
  fi
  if ((${#todo[@]} > 0)); then
    carry_out
  elif [[ -z "$if_needed" ]]; then
    report
  fi
}

main "$@"
