#!/usr/bin/env bash
# The user's own project with tasks (TASK_PACKAGE), editable in .venv, with what it requires and is not
# there. Nothing of the lock is replaced. It stays chosen until another is asked for, or none.
# usage: scripts/setup/task_packages_venv.sh step_name|needs|judge|remember|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/pip.sh
source scripts/pip.sh
# shellcheck source=scripts/projects.sh
source scripts/projects.sh

LOCK=env/mujoco.lock
TASK_RECEIPT=.venv/receipt-task_packages
LIST=.venv/task-packages
INSTALLED=.venv/dists-task_packages
WORK=.cache/tmp/task_packages

step_name() {
  if [[ -n "$chosen" ]]; then say "installing $chosen in .venv"; else say "removing what TASK_PACKAGE has brought from .venv"; fi
}

needs() { if [[ -n "$chosen" ]]; then say 1; else say 0; fi; }

# Any Python can look; the one of .venv may not be there yet.
judge() { [[ -z "$chosen" ]] || judge_projects "${SETUP_PYTHON:-.venv/bin/python}"; }

remember() {
  [[ -n "${SETUP_TASK_PACKAGE-}" ]] || return 0
  mkdir -p .venv
  : >"$MARKER"
  say "$chosen" | write_receipt "$TASK_CHOICE"
}

inputs() {
  say "asked $chosen"
  say "venv $(hash_of "$RECEIPT")"
  describe_projects "$LIST" "$TASK_RECEIPT"
}

check() { [[ -n "$chosen" && -f "$TASK_RECEIPT" && "$(inputs)" == "$(<"$TASK_RECEIPT")" ]]; }

install() {
  local before
  before=$(receipt_value asked "$TASK_RECEIPT")
  trap '(($? != 1)) || withdraw' EXIT
  judge
  rm -f "$TASK_RECEIPT"
  remove_old
  if [[ -z "$chosen" ]]; then
    forget
    return
  fi
  find_projects .venv/bin/python | write_receipt "$LIST"
  read_projects "$LIST"
  forget_egg_info "$TASK_EGG_INFO" "${projects[@]}"
  note_egg_info "$TASK_EGG_INFO" "${projects[@]}"
  rm -rf "$WORK"
  mkdir -p "$WORK/wheels"
  get_requirements "$WORK"
  install_projects
  rm -rf .cache/pip
  inputs | write_receipt "$TASK_RECEIPT"
}

forget() {
  rm -f -- "$LIST"
  forget_egg_info "$TASK_EGG_INFO"
  rm -f -- "$TASK_CHOICE"
}

# What cannot be had changes nothing: the choice is again the one before.
withdraw() {
  if [[ -z "$before" ]]; then
    remove_old
    forget
  else
    say "$before" | write_receipt "$TASK_CHOICE"
  fi
}

# What comes is written down before, so that a kill leaves nothing that is not known.
install_projects() {
  local wheel name version project pins=() editable=()
  for wheel in "$WORK"/wheels/*.whl; do
    [[ -f "$wheel" ]] || continue
    IFS=- read -r name version _ <<<"${wheel##*/}"
    pins+=("$name==$version")
  done
  for project in "${projects[@]}"; do editable+=(-e "$project"); done
  names_of_projects | cat - <(printf '%s\n' "${pins[@]}") | sed '/^$/d' | write_receipt "$INSTALLED"
  ((${#pins[@]} == 0)) || pip "into .venv" install --no-deps --no-index --no-compile --find-links "$WORK/wheels" \
    "${pins[@]}" || pip_failed "the requirements of ${projects[*]}"
  pip "the project, editable" install --no-deps --no-compile --use-pep517 --ignore-requires-python "${editable[@]}" ||
    project_failed
}

names_of_projects() {
  .venv/bin/python -I -c '
import json, sys

for item in json.load(open(sys.argv[1]))["install"]:
    print(item["metadata"]["name"])
' "$WORK/projects"
}

remove_old() {
  local names=()
  [[ -s "$INSTALLED" ]] || return 0
  mapfile -t names < <(sed 's/==.*//' "$INSTALLED")
  pip "removal of the old one" uninstall -y "${names[@]}" || pip_failed "what was there before"
  rm -f -- "$INSTALLED"
}

report() { say "tasks of $chosen"; }

in_python() { .venv/bin/python "$@"; }

pip_alone() { "${pip_command[@]}" "$@"; }

read_choice() {
  chosen=${SETUP_TASK_PACKAGE-}
  [[ -n "$chosen" || ! -f "$TASK_CHOICE" ]] || chosen=$(<"$TASK_CHOICE")
  [[ "$chosen" != none ]] || chosen=
}

main() {
  clean_environment
  pip_environment
  # shellcheck disable=SC2034 # for projects.sh
  sim_name=mujoco build=()
  read_choice
  again=$(again_with mujoco)
  read -r python_version _ <<<"$(receipt_value python "$RECEIPT")"
  "$1"
}

main "$@"
