#!/usr/bin/env bash
# Installs what a simulator needs: preflight, then the steps of scripts/setup/ that are not done.
# A step that is done, by its receipt and a quick check, is left alone.
# usage: scripts/setup.sh [--sim=isaac|mujoco] [--NAME=VALUE ...] [--dev] [--if-needed] [--check] [--anew=STEP]
#          [--as-before]
#   --NAME=VALUE  a variable of `make setup`, in small letters: --rsl-rl=3.1.2
#   --dev         the tools of make test and make lint too
#   --if-needed   say nothing when there is nothing to do
#   --check       do nothing; the status says whether there is nothing to do
#   --anew=STEP   do this step although it looks done
#   --as-before   go on past what is only recommended, as a set-up has before

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

TOOLS='awk cat cp df flock grep ls mkdir mv rm sed sha256sum sleep tail timeout uname wc'
ISAAC_TOOLS="$TOOLS comm curl cut date du env find git head ln mktemp readlink rmdir sort stat tr xargs"
VARIABLES='PYTHON RSL_RL TASK_PACKAGE INSTALL ROBOT ISAAC_SIM_ZIP ISAAC_SIM_URL ISAACSIM_PATH ISAACLAB_PATH
  PIP_INDEX_URL GIT_HOST OFFLINE ASSETS ACCEPT_EULA KEEP_ZIP FORCE'

read_arguments() {
  sim_wanted=mujoco if_needed='' dev='' only_check='' as_before='' anew=' '
  local argument name
  export SETUP_ONLY_CHECK=''
  for name in $VARIABLES; do export "SETUP_$name="; done
  for argument in "$@"; do
    case $argument in
      --sim=*) sim_wanted=${argument#*=} ;;
      --verbose=*) ;;
      --dev) dev=1 ;;
      --if-needed) if_needed=1 ;;
      --check)
        only_check=1
        export SETUP_ONLY_CHECK=1
        ;;
      --anew=*) anew+="${argument#*=} " ;;
      --as-before) as_before=1 ;;
      --*=*) read_variable "$argument" ;;
      *) die "unknown argument '$argument'; see the head of scripts/setup.sh" ;;
    esac
  done
}

read_variable() {
  local name=${1%%=*}
  name=${name#--} name=${name^^} name=${name//-/_}
  [[ " ${VARIABLES//$'\n'/ } " == *" $name "* ]] ||
    die "unknown argument '$1'; see the head of scripts/setup.sh"
  printf -v "SETUP_$name" '%s' "${1#*=}"
}

choose_steps() {
  case $sim_wanted in
    mujoco)
      steps=(mujoco)
      if [[ -n "$SETUP_RSL_RL" ]] || choice_is_made; then steps+=(rsl_rl); fi
      if [[ -n "$SETUP_TASK_PACKAGE" || -f "$TASK_CHOICE" ]]; then steps+=(task_packages_venv); fi
      [[ -z "$dev" ]] || steps+=(dev)
      ;;
    isaac)
      # shellcheck disable=SC2153 # set by read_places
      read_places
      steps=(isaac_sim)
      [[ "$assets" != "$install/assets" ]] || steps+=(assets)
      steps+=(isaac_lab packages)
      [[ -z "$robot" ]] || steps+=(robot)
      [[ -z "$(choice TASK_PACKAGE)" && ! -f "$TASK_PACKAGES" ]] || steps+=(task_packages)
      steps+=(verify)
      ;;
    *) die "no steps for SIM '$sim_wanted'; make help lists the simulators" ;;
  esac
  [[ -n "$if_needed" ]] && next='' || next='; next: make train'
  again="make setup SIM=$sim_wanted"
}

step() { "scripts/setup/$1.sh" "$2"; }

# Sets `todo` to the steps that are not done. After one that is not, nothing is trusted.
plan() {
  local name
  choose_steps
  todo=()
  for name in "${steps[@]}"; do
    ((${#todo[@]} == 0)) && [[ "$anew" != *" $name "* ]] && step "$name" check 2>/dev/null || todo+=("$name")
  done
}

is_due() { [[ " ${todo[*]} " == *" $1 "* ]]; }

# --- preflight -----------------------------------------------------------------------------------

# Says every precondition that fails, not only the first.
preflight() {
  complaints=()
  local complaint
  case $sim_wanted in
    mujoco) preflight_mujoco ;;
    isaac) preflight_isaac ;;
  esac
  ((${#complaints[@]} > 0)) || return 0
  for complaint in "${complaints[@]::${#complaints[@]}-1}"; do warn "$complaint"; done
  [[ "${complaints[-1]}" == *": make setup"* ]] || complaints[-1]+=", then: $again"
  die "${complaints[-1]}$instead"
}

preflight_mujoco() {
  local missing='' tool
  instead=''
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
  ((${#complaints[@]} > 0)) || ! is_due rsl_rl || step rsl_rl judge
  ((${#complaints[@]} > 0)) || ! is_due task_packages_venv || step task_packages_venv judge
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

preflight_isaac() {
  local name line kind id what repair arguments=() recommended=()
  instead="; the embedded simulator needs none of this: make setup SIM=mujoco"
  for name in $ISAAC_TOOLS; do arguments+=("--tool=$name"); done
  for name in "${todo[@]}"; do
    while IFS= read -r line; do
      # What several steps take from one host is asked for once; what they take of a disk adds up.
      [[ "$line" == --host=* && " ${arguments[*]} " == *" $line "* ]] || arguments+=("$line")
    done < <(step "$name" needs)
  done
  while IFS=$'\t' read -r kind id what repair; do
    [[ "$id" != names-do-not-resolve || "$what" != *"'$(host_of "$ASSETS_URL")'"* ]] ||
      repair+=", or name a folder with NVIDIA's assets: ASSETS=/path"
    case $kind in
      needed) complaints+=("$what${repair:+; $repair}") ;;
      recommended) recommended+=("$id"$'\t'"$what; $repair") ;;
    esac
  done < <(scripts/setup/preflight.sh "${arguments[@]}" ${own_sim:+"--isaac-path=$sim"} ||
    printf 'needed\tpreflight\tthe preflight itself failed\n')
  for name in "${todo[@]}"; do
    while IFS= read -r line; do complaints+=("$line"); done < <(step "$name" complain)
  done
  while IFS= read -r line; do complaints+=("$line"); done < <(complain_about_bundle)
  scripts/setup/licence.sh is_accepted || complaints+=("$(scripts/setup/licence.sh how_to_accept)")
  weigh_recommended
}

# What is only recommended stops too, unless the user names it. FORCE=1 goes on past all of it, and
# each thing is said.
weigh_recommended() {
  local entry id stopped=''
  for entry in "${recommended[@]}"; do
    id=${entry%%$'\t'*}
    if [[ -n "$as_before" ]]; then
      warn "warning: ${entry#*$'\t'}"
    elif is_forced "$id"; then
      warn "warning: ${entry#*$'\t'} (FORCE goes on past '$id')"
    else
      stopped+="${stopped:+,}$id"
      complaints+=("${entry#*$'\t'}")
    fi
  done
  [[ -z "$stopped" ]] ||
    complaints[-1]+=" (to go on past what is only recommended: FORCE=$stopped, or FORCE=1 for whatever there is)"
}

# --- work ----------------------------------------------------------------------------------------

# One at a time. The lock is inherited by what runs here, so a killed set-up holds it for as long
# as a part of it still writes.
lock() {
  mkdir -p .cache
  exec 9>.cache/setup.lock
  flock -n 9 && return
  warn "waiting for another set-up in this checkout to end"
  flock 9
}

prepare() {
  rm -rf .cache/tmp
  mkdir -p .cache/tmp
  : >"$PARTS_LOG"
  case $sim_wanted in
    mujoco)
      ! is_due rsl_rl || step rsl_rl remember
      ! is_due task_packages_venv || step task_packages_venv remember
      ;;
    isaac) claim_folders ;;
  esac
}

# A folder counts as ours by its marker, which comes before anything else in it.
claim_folders() {
  mkdir -p "$STATE" "$install"
  : >"$STATE/$STATE_MARKER"
  : >"$install/$STATE_MARKER"
  write_choices
}

carry_out() {
  local name what
  prepare
  for name in "${todo[@]}"; do
    what=$(step "$name" step_name)
    [[ "$sim_wanted" != isaac ]] || printf 'step %s\nwhat %s\n' "$name" "$what" | write_receipt "$UNFINISHED"
    say "setup: $what"
    supervise "scripts/setup/$name.sh" install
  done
  rm -rf .cache/tmp
  [[ "$sim_wanted" != isaac ]] || rm -f "$UNFINISHED"
  say "setup: done in $SECONDS s$next"
}

# One line on what there is.
report() {
  local name line='' part
  for name in "${steps[@]}"; do
    part=$(step "$name" report)
    line+="${line:+${part:+, }}$part"
  done
  say "setup: nothing to do: $line$next"
}

# The embedded simulator's Python makes .venv; Isaac Sim has its own, and any will do to unpack it.
choose_python() {
  if [[ "$sim_wanted" == isaac ]]; then
    find_python "$SETUP_PYTHON" without_venv
    SETUP_PYTHON=$python
  elif [[ -n "$SETUP_PYTHON" ]] || ! venv_is_ready; then
    find_python "$SETUP_PYTHON"
    SETUP_PYTHON=$python
  fi
}

apply_variables() {
  local name value
  [[ -z "$SETUP_PIP_INDEX_URL" ]] || export PIP_INDEX_URL="$SETUP_PIP_INDEX_URL"
  force=$SETUP_FORCE
  for name in INSTALL ISAACSIM_PATH ISAACLAB_PATH ISAAC_SIM_ZIP OFFLINE ASSETS; do
    value=SETUP_$name
    [[ -z "${!value}" || "${!value}" == none ]] || printf -v "$value" '%s' "$(absolute "${!value}")"
  done
  [[ "$SETUP_ROBOT" != */* && "$SETUP_ROBOT" != . && "$SETUP_ROBOT" != .. ]] || SETUP_ROBOT=$(absolute "$SETUP_ROBOT")
  [[ "$SETUP_TASK_PACKAGE" == none ]] || SETUP_TASK_PACKAGE=$(absolute_words "$SETUP_TASK_PACKAGE")
}

main() {
  clean_environment
  read_arguments "$@"
  apply_variables
  [[ -n "$only_check" ]] || choose_python
  plan
  [[ -z "$only_check" ]] || exit $((${#todo[@]} > 0))
  if ((${#todo[@]} > 0)); then
    preflight
    lock
    plan
  fi
  if ((${#todo[@]} > 0)); then
    carry_out
  elif [[ -z "$if_needed" ]]; then
    # Killed between the last receipt and this.
    [[ "$sim_wanted" != isaac ]] || rm -f "$UNFINISHED"
    report
  fi
}

main "$@"
