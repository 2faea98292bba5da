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

# Where every plane comes from; a network without it would fail after all else is installed.
needs() { [[ -n "$assets" || "$ASSETS_URL" == file:* ]] || say "--host=$(host_of "$ASSETS_URL")"; }

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
  [[ -f "$receipt" && "$(inputs)" == "$(grep -v '^failed ' "$receipt")" ]] || return
  # A run goes on with what FORCE has passed; another set-up looks again.
  [[ -n "${SETUP_ONLY_CHECK-}" || -z "$(unforced <(passed_by_force))" ]]
}

install() {
  rm -f "$(receipt_of verify)"
  mkdir -p .cache/tmp
  : >"$ROWS"
  isaac_environment
  check_files
  check_python
  check_start
  check_assets
  settle_doubts
  show_table
  weigh_failures
  { inputs && failures | sed 's/^/failed /'; } | write_receipt "$(receipt_of verify)"
}

# What failed and was gone on past, again.
report() {
  local line
  while IFS= read -r line; do warn "warning: gone on past by FORCE: $line"; done < <(passed_by_force)
}

# --- what fails ----------------------------------------------------------------------------------

# The rows that fail, as `name: what: found`. Their names are what FORCE takes.
failures() {
  awk -F '\t' '$1 == "fail" {
    name = tolower($2); gsub(/[^a-z0-9]+/, "-", name); gsub(/^-|-$/, "", name)
    print name ": " $2 ": " $3 }' "$ROWS"
}

passed_by_force() { sed -n 's/^failed //p' "$(receipt_of verify)" 2>/dev/null; }

# The names, joined by commas, of the failures in a file that FORCE does not go on past.
unforced() {
  local line left=''
  while IFS= read -r line; do
    is_forced "${line%%:*}" || left+="${left:+,}${line%%:*}"
  done <"$1"
  printf '%s' "$left"
}

weigh_failures() {
  local line names
  while IFS= read -r line; do
    ! is_forced "${line%%:*}" || warn "warning: ${line#*: } (FORCE goes on past '${line%%:*}')"
  done < <(failures)
  names=$(unforced <(failures))
  [[ -z "$names" ]] || die "the workstation is not as it should be: see the rows marked FAIL above; the full log is $PARTS_LOG;" \
    "after mending: make setup, or, where you know better: make setup FORCE=$names"
}

# An import that fails outside Kit is a doubt: a machine that trains works all the same.
settle_doubts() {
  local as=fail
  ! grep -q "^ok.training, 2 iterations" "$ROWS" || as=note
  sed -i "s/^doubt\t/$as\t/" "$ROWS"
}

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
  if [[ -n "$(unforced <(failures))" ]]; then
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

# The assets are looked at where no training has shown that they are there: whether a failure is one
# of the installation or of the network is what a user has to know.
check_assets() {
  local said
  if grep -q "^ok.training, 2 iterations" "$ROWS"; then
    row ok assets "${assets:-$(host_of "$ASSETS_URL")}, as the training shows"
  elif [[ -n "$assets" ]]; then
    if [[ -f "$assets/$GROUND_PLANE" ]]; then row ok assets "$assets"; else row fail assets "'$assets/$GROUND_PLANE' is missing"; fi
  elif said=$(curl -sS --fail --head --location --retry 2 --connect-timeout 20 --max-time 60 -o /dev/null \
    "$ASSETS_URL/$GROUND_PLANE" 2>&1); then
    row ok assets "$(host_of "$ASSETS_URL") answers"
  else
    row fail "asset server" "$(host_of "$ASSETS_URL") does not answer (${said##*$'\n'}): tasks with a plane cannot start; this is the\
 network, not the installation; check it, or name a folder: make setup ASSETS=/path"
    sed -i "s/^fail\ttraining, 2 iterations\t.*/skip\ttraining, 2 iterations\tnot judged: it needs the asset server/" "$ROWS"
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
  force=${SETUP_FORCE-}
  clean_environment
  read_places
  "$1"
}

main "$@"
