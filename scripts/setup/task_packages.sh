#!/usr/bin/env bash
# The user's own project with tasks (TASK_PACKAGE), editable in Isaac Sim's Python, with what it requires
# and is not there. Nothing that is there is replaced.
# usage: scripts/setup/task_packages.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/pip.sh
source scripts/pip.sh
# shellcheck source=scripts/isaac_pip.sh
source scripts/isaac_pip.sh
# shellcheck source=scripts/projects.sh
source scripts/projects.sh

LOCK=env/isaac-build.lock

step_name() {
  if [[ -n "$chosen" ]]; then say "installing $chosen in $sim/python.sh"; else say "removing what TASK_PACKAGE has brought"; fi
}

needs() {
  local host
  [[ -n "$chosen" ]] || return 0
  say "--disk=1:$install"
  [[ -z "${SETUP_OFFLINE-}" ]] || return 0
  host=$(index_host) && [[ -z "$host" ]] || say "--host=$host"
}

complain() { [[ -z "$chosen" ]] || complaint_about_projects "${SETUP_PYTHON:-python3}"; }

inputs() {
  cat <<INPUTS
asked $chosen
sim $sim
build $(hash_of "$LOCK")
INPUTS
  describe_projects "$TASK_PACKAGES" "$(receipt_of task_packages)"
}

check() {
  local receipt
  receipt=$(receipt_of task_packages)
  [[ -n "$chosen" && -f "$receipt" && "$(inputs)" == "$(<"$receipt")" ]] && is_merged task_packages
}

install() {
  local before
  before=$(receipt_value asked "$(receipt_of task_packages)")
  trap '(($? != 1)) || withdraw' EXIT
  rm -f "$(receipt_of task_packages)"
  undo_merge task_packages
  if [[ -z "$chosen" ]]; then
    forget
    return
  fi
  judge_projects "${SETUP_PYTHON:-python3}"
  find_projects "${SETUP_PYTHON:-python3}" | write_receipt "$TASK_PACKAGES"
  read_projects "$TASK_PACKAGES"
  forget_egg_info "$STATE/egg-info-task_packages" "${projects[@]}"
  note_egg_info "$STATE/egg-info-task_packages" "${projects[@]}"
  new_stage
  get_build_tools
  get_requirements "$STAGE"
  stage_projects
  merge task_packages
  rm -rf .cache/pip
  inputs | write_receipt "$(receipt_of task_packages)"
}

forget() {
  rm -f -- "$TASK_PACKAGES"
  forget_egg_info "$STATE/egg-info-task_packages"
}

# What cannot be had changes nothing: the choice is again the one before.
withdraw() {
  [[ "$before" != "$chosen" ]] || return 0
  # shellcheck disable=SC2034 # read by choice
  SETUP_TASK_PACKAGE=${before:-none}
  write_choices
  [[ -n "$before" ]] || forget
}

stage_projects() {
  local project editable=(--ignore-requires-python --use-pep517)
  for project in "${projects[@]}"; do editable+=(-e "$project"); done
  stage "the project, editable" "${editable[@]}"
}

report() { say "tasks of $chosen"; }

in_python() { isaac_python "$@"; }

pip_alone() { "${pip_command[@]/#PYTHONPATH=*/PYTHONPATH=}" "$@"; }

main() {
  clean_environment
  pip_environment
  read_places
  isaac_pip_environment
  chosen=$(choice TASK_PACKAGE) sim_name=isaac build=(--no-build-isolation)
  again=$(again_with isaac)
  "$1"
}

main "$@"
