#!/usr/bin/env bash
# Carries out one verb: checks its variables, sets up what it needs, runs it in a clean environment.
# usage: scripts/launch.sh VERB, with the variables' names in GIVEN and their values in the
# environment; make does that.

set -euo pipefail

program=${1:?usage: make VERB}
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

LAST_FAILURE=.cache/last-failure.log

# Sets `flags` from the variables of the command line.
read_variables() {
  local name flag
  read -r -a names <<<"${GIVEN-}"
  flags=()
  for name in "${names[@]}"; do
    if [[ ! "$name" =~ ^[A-Z_][A-Z0-9_]*$ ]]; then
      warn "unknown variable '$name'; variables are in capital letters, make help lists them"
      exit 2
    fi
    flag=${name//_/-}
    flags+=("--${flag,,}=$(value_of "$name")")
  done
  named_python=$(given PYTHON) named_sim=$(given SIM) verbose=$(given VERBOSE)
  viewer=$(given VIEWER) video=$(given VIDEO) yes=$(given YES) force=$(given FORCE)
  export SETUP_ACCEPT_EULA
  SETUP_ACCEPT_EULA=$(given ACCEPT_EULA)
}

# Bash has a SECONDS of its own, which hides the one that it was started with.
value_of() {
  if [[ "$1" == SECONDS ]]; then
    tr '\0' '\n' <"/proc/$$/environ" | sed -n 's/^SECONDS=//p'
  else
    printf '%s' "${!1-}"
  fi
}

given() { [[ " ${GIVEN-} " != *" $1 "* ]] || printf '%s' "${!1-}"; }

# What runs next gets flags, not these variables.
forget_variables() { unset GIVEN "${names[@]}"; }

# Sets `python` to one that can check the variables: .venv's own, else the one that will make it.
choose_python() {
  if [[ -z "$named_python" ]] && venv_is_ready; then
    python=.venv/bin/python
  elif needs_no_venv; then
    find_python "$named_python" without_venv
  else
    find_python "$named_python"
  fi
}

needs_no_venv() {
  case $program in
    runs | clean-caches | uninstall) ;;
    setup) [[ "$named_sim" != mujoco ]] ;;
    sim2sim | evaluate) false ;;
    *) [[ -n "${IN_SETUP-}" ]] || workstation_is_ready ;;
  esac
}

# Ends here, with the line that runners.options printed, if a variable is not right.
check_variables() {
  local answer key value
  simulator='' why=''
  unset RUNNER_SIMULATOR
  # It says what is wrong itself, on stderr.
  answer=$("$python" -m runners.options "$program" "${flags[@]}") || exit
  while IFS='=' read -r key value; do
    case $key in
      sim) simulator=$value ;;
      why) why=$value ;;
    esac
  done <<<"$answer"
}

say_first() {
  if [[ ${#dropped[@]} -gt 0 ]] && [[ "$verbose" == 1 || "$simulator" == isaac ]]; then
    say "note: not passed on from the environment: ${dropped[*]}" >&2
  fi
  case $program in
    train | play | export)
      [[ "${named_sim:-auto}" == auto && -n "$why" ]] || why=
      say "$program: SIM=$simulator${why:+ ($why)}"
      ;;
  esac
}

# --- set-up --------------------------------------------------------------------------------------

setup_verb() {
  [[ "$simulator" != isaac ]] || scripts/setup/licence.sh ask
  supervise scripts/setup.sh "--sim=$simulator" "${setup_flags[@]}"
}

setup_mujoco() {
  local arguments=(--sim=mujoco --if-needed)
  [[ -z "$named_python" ]] || arguments+=("--python=$named_python")
  supervise scripts/setup.sh "${arguments[@]}" "$@"
}

# Sets `setup_flags`: all but the simulator, which is chosen here.
choose_setup_flags() {
  local flag
  setup_flags=()
  for flag in "${flags[@]}"; do
    [[ "$flag" == --sim=* || "$flag" == *= ]] || setup_flags+=("$flag")
  done
}

# Isaac Sim is not installed as a side effect of a run: it takes 40 GB and a licence.
need_workstation() {
  local line why
  [[ -z "${IN_SETUP-}" ]] || return 0
  why=$(complain_about_unfinished)
  workstation_is_ready ||
    die "Isaac Sim is not set up here${why:+: $why}; set it up: make setup, or take the embedded simulator:" \
      "make $program SIM=mujoco"
  scripts/setup.sh --sim=isaac --check ||
    die "the workstation's set-up does not fit the pins or the files any more; bring it up to date: make setup"
  while IFS= read -r line; do
    warn "warning: set-up went on past this by FORCE: $line"
  done < <(sed -n 's/^failed [^:]*: //p' "$(receipt_of verify)")
}

# --- doctor --------------------------------------------------------------------------------------

# In the shell's own environment, for what that would do to a run is one of the questions.
consult_doctor() {
  find_any_python || {
    warn "no Python 3.8 or later found; install one, for instance: sudo apt install python3"
    exit 2
  }
  forget_variables
  exec "$any_python" -I scripts/doctor "$program" "${flags[@]}"
}

# Sets `any_python`: doctor needs the standard library only, and .venv may be what is broken.
find_any_python() {
  for any_python in python3 /usr/bin/python3 python3.{13,12,11,10,9,8}; do
    if "$any_python" -I -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then return; fi
  done
  return 1
}

# Stops for what would surely fail.
guard() {
  [[ -z "${IN_SETUP-}" ]] || return 0
  "$python" -I scripts/doctor guard "$program" "$simulator" "$force" || exit 1
}

# What the runner could say itself it has said, and has taken its log away.
explain_failure() {
  local status=$1
  case $status in 0 | 2 | 130 | 143) rm -f -- "$runner_log" ;; esac
  [[ -e "$runner_log" ]] || return 0
  mv -f -- "$runner_log" "$LAST_FAILURE"
  if find_any_python; then "$any_python" -I scripts/doctor explain-run "$status" "$LAST_FAILURE" >&2 || true; fi
}

# --- running -------------------------------------------------------------------------------------

# Sets `runner_env`: where the runner writes its status, and where what it calls may print. Kept where
# the runner ends without a word of its own, which is what `make explain` reads.
name_runner_files() {
  mkdir -p .cache
  runner_status=.cache/status.$$ runner_log=.cache/log.$$ runner_start=.cache/start.$$
  rm -f -- "$runner_status" "$runner_log"
  runner_env=("RUNNER_STATUS=$ROOT/$runner_status" "RUNNER_LOG=$ROOT/$runner_log" "RUNNER_SIMULATOR=$simulator")
}

run_in_venv() {
  local status=0
  setup_mujoco >&2
  export RUNNER_SIMULATOR=mujoco
  case $program in
    train | play | export | sim2sim | evaluate) ;;
    *) exec .venv/bin/python -m "$module" "${flags[@]}" ;;
  esac
  name_runner_files
  attend env "${runner_env[@]}" .venv/bin/python -m "$module" "${flags[@]}" || status=$?
  rm -f -- "$runner_status"
  explain_failure "$status"
  exit "$status"
}

# python.sh turns every failure into 1, and a Kit that ends on its own ends with 0: what counts is
# the status that the runner wrote. RUNNER_CLOSE_LIMIT: seconds that Isaac Sim may take to close.
run_in_isaac() {
  local status=0 ended=0 above
  read_places
  [[ "${RUNNER_CLOSE_LIMIT:-60}" =~ ^[1-9][0-9]*$ ]] ||
    die "RUNNER_CLOSE_LIMIT '$RUNNER_CLOSE_LIMIT' is no number of seconds; give a whole one, for instance 120"
  need_workstation
  isaac_environment "$(window_or_not)"
  name_runner_files
  isaac_env+=("${runner_env[@]}" "ISAAC_TASK_PACKAGES=$(task_packages)" "RUNNER_CLOSE_LIMIT=${RUNNER_CLOSE_LIMIT:-60}")
  : >"$runner_start"
  attend "${isaac_env[@]}" "$sim/python.sh" -m "$module" "${flags[@]}" || ended=$?
  if [[ "$(cat "$runner_status" 2>/dev/null)" != 0 ]] && extension_is_missing; then
    warn "note: Isaac Sim lacks an extension that this app wants; starting once more, with NVIDIA's registry of extensions"
    rm -f -- "$runner_status" "$runner_log"
    ended=0
    attend "${isaac_env[@]}" RUNNER_REGISTRY=1 "$sim/python.sh" -m "$module" "${flags[@]}" || ended=$?
  fi
  rm -f -- "$runner_start"
  if [[ -s "$runner_status" ]]; then
    read -r status <"$runner_status"
    ((status != 0 || ended == 0)) ||
      warn "warning: Isaac Sim failed or hung while it was closed; all else was complete before"
  elif [[ "$program" != tensorboard ]]; then # which becomes another program
    status=$((ended > 128 ? ended : 1))
    [[ -s "$runner_log" ]] || above='; what it printed is above'
    warn "the simulator ended before the runner did${above-}"
  fi
  rm -f -- "$runner_status"
  explain_failure "$status"
  exit "$status"
}

# Kit's words where the dependencies of an app cannot be satisfied; the kits of set-up do not ask the
# registry. They are in the runner's log, or with VERBOSE=1 in Kit's own.
extension_is_missing() {
  local pattern='Failed to resolve extension dependencies|dependency solver failure'
  grep -aqsE "$pattern" "$runner_log" ||
    find "$sim/kit/logs" -name '*.log' -newer "$runner_start" -exec grep -aqE "$pattern" {} \; -print 2>/dev/null | grep -q .
}

# Modules with tasks that set-up has installed.
task_packages() {
  local modules=()
  [[ ! -f "$TASK_PACKAGES" ]] || mapfile -t modules < <(cut -f 2 "$TASK_PACKAGES")
  [[ -z "$robot" ]] || modules=(berkeley_humanoid_lite.tasks "${modules[@]}")
  local IFS=:
  printf '%s' "${modules[*]}"
}

# The display is for `make play` with a window, and for nothing else.
window_or_not() {
  if [[ "$program" == play && "$video" != 1 && "${viewer:-auto}" =~ ^(auto|native)$ ]]; then printf window; fi
}

# `make setup` means the workstation: the embedded simulator comes by name, or with the first run.
# What only reads runs takes the Python that is there.
choose_where() {
  case $program in
    setup) [[ "$simulator" != auto ]] || simulator=isaac ;;
    sim2sim | evaluate) simulator=mujoco ;;
    tensorboard | convert)
      simulator=mujoco
      venv_is_ready || ! workstation_is_ready || simulator=isaac
      ;;
  esac
  [[ "$simulator" != isaac ]] || note_harmful
}

main() {
  read_variables
  case $program in doctor | fix | explain) consult_doctor ;; esac
  clean_environment
  choose_python
  check_variables
  choose_setup_flags
  forget_variables
  [[ "$program" == runs ]] || checkout_is_writable ||
    die "cannot write in '$ROOT'; use a checkout on a writable file system"
  choose_where
  say_first
  case $program in setup | train | play | export) guard ;; esac
  module=runners.${program//-/_}
  case $program in
    setup) setup_verb ;;
    bundle) supervise scripts/bundle.sh "${setup_flags[@]}" ;;
    clean-caches) exec scripts/clean_caches.sh ${yes:+"--yes=$yes"} ;;
    uninstall) exec scripts/uninstall.sh "--sim=$simulator" ${yes:+"--yes=$yes"} ;;
    runs) exec "$python" -m runners.runs "${flags[@]}" ;;
    test | lint)
      setup_mujoco --dev >&2
      exec .venv/bin/python -m nox -s "${program/#test/tests}"
      ;;
    *) if [[ "$simulator" == isaac ]]; then run_in_isaac; else run_in_venv; fi ;;
  esac
}

main "$@"
