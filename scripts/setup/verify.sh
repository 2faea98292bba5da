#!/usr/bin/env bash
# Proves the workstation: every import and where it comes from, versions, link and kit, and where a
# GPU is, two iterations of training. Prints one table.
# usage: scripts/setup/verify.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/git.sh
source scripts/git.sh

ROWS=.cache/tmp/verify.rows
# The first start of Isaac Sim compiles shaders for minutes.
START_LIMIT=1800

step_name() { say "checking what is there"; }

needs() { :; }

complain() { :; }

# What the steps before wrote down: another install is another proof.
inputs() {
  local name
  for name in isaac_sim isaac_lab packages robot; do
    [[ ! -f "$(receipt_of "$name")" ]] || say "$name $(hash_of "$(receipt_of "$name")")"
  done
  say "robot ${robot:-none}"
}

check() {
  local receipt
  receipt=$(receipt_of verify)
  [[ -f "$receipt" && "$(inputs)" == "$(<"$receipt")" ]]
}

install() {
  rm -f "$(receipt_of verify)"
  mkdir -p .cache/tmp
  : >"$ROWS"
  isaac_environment
  check_files
  check_python
  check_start
  show_table
  ! grep -q '^fail' "$ROWS" || die "the workstation is not as it should be: see the rows marked FAIL above; the full log is $PARTS_LOG;" \
    "after mending: make setup"
  inputs | write_receipt "$(receipt_of verify)"
}

report() { :; }

row() { printf '%s\t%s\t%s\n' "$@" >>"$ROWS"; }

# --- rows ----------------------------------------------------------------------------------------

check_files() {
  local head link
  head=$(head_of "$lab")
  if [[ "$head" != "$ISAAC_LAB_COMMIT" ]]; then
    row note "Isaac Lab's commit" "$head, the pin is $ISAAC_LAB_COMMIT"
  elif has_changes "$lab"; then
    row note "Isaac Lab's commit" "$head with local changes"
  else
    row ok "Isaac Lab's commit" "$head"
  fi
  link=$(readlink -- "$lab/_isaac_sim" || true)
  if [[ "$link" == "$sim" ]]; then
    row ok "link _isaac_sim" "$link"
  else
    row fail "link _isaac_sim" "'$link' is not '$sim'"
  fi
}

check_python() {
  local status=0 arguments=("--sim=$sim" "--lab=$lab" "--version=$ISAAC_SIM" "--rsl-rl=$isaac_rsl_rl")
  arguments+=("--torch=$ISAAC_TORCH" "--numpy=$ISAAC_NUMPY")
  [[ -z "$robot" ]] || arguments+=("--robot=$robot")
  gpu_is_seen || arguments+=(--no-gpu)
  part "imports and versions" verify_in_isaac "${arguments[@]}" || status=$?
  ((status == 0)) || row fail "Isaac Sim's Python" "$(last_line)"
}

# Rows come by a file: python.sh prints on stdout too.
verify_in_isaac() { isaac_python scripts/setup/verify_isaac.py "$ROWS" "$@" env/isaac.lock; }

check_start() {
  local what="training, 2 iterations" status=0
  if grep -q '^fail' "$ROWS"; then
    row skip "$what" "not tried: see the rows that fail"
  elif ! gpu_is_seen; then
    row skip "$what" "no NVIDIA GPU answers (nvidia-smi -L)"
  else
    say "  starting Isaac Sim without a window; a first start compiles shaders for minutes"
    part "$what" train_a_little || status=$?
    if ((status == 0)); then
      row ok "$what" "16 environments, headless"
    else
      row fail "$what" "$(part_output | grep -E '^train: ' | tail -n 1 || last_line)"
    fi
  fi
}

train_a_little() {
  GIVEN='SIM NUM_ENVS ITERATIONS LOG_ROOT' SIM=isaac NUM_ENVS=16 ITERATIONS=2 LOG_ROOT=$ROOT/.cache/tmp/runs \
    IN_SETUP=1 timeout --kill-after=60 "$START_LIMIT" scripts/launch.sh train
}

show_table() {
  awk -F '\t' '
    { mark = $1 == "ok" ? "ok" : $1 == "fail" ? "FAIL" : $1
      printf "  %-4s  %-26s %s\n", mark, $2, $3 }' "$ROWS"
}

main() {
  clean_environment
  read_places
  "$1"
}

main "$@"
