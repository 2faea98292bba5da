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
    flags+=("--${flag,,}=${!name-}")
  done
  named_python=$(given PYTHON) named_sim=$(given SIM) verbose=$(given VERBOSE)
  viewer=$(given VIEWER) video=$(given VIDEO) yes=$(given YES)
  export SETUP_ACCEPT_EULA
  SETUP_ACCEPT_EULA=$(given ACCEPT_EULA)
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
    *) workstation_is_ready ;;
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
    train | play)
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
  [[ -z "${IN_SETUP-}" ]] || return 0
  workstation_is_ready ||
    die "Isaac Sim is not set up here; set it up: make setup, or take the embedded simulator: make $program SIM=mujoco"
  scripts/setup.sh --sim=isaac --check ||
    die "the workstation's set-up does not fit the pins or the files any more; bring it up to date: make setup"
}

# --- running -------------------------------------------------------------------------------------

run_in_venv() {
  setup_mujoco >&2
  export RUNNER_SIMULATOR=mujoco
  exec .venv/bin/python -m "$module" "${flags[@]}"
}

# python.sh turns every failure into 1, and a Kit that ends on its own ends with 0: what counts is
# the status that the runner wrote. RUNNER_CLOSE_LIMIT: seconds that Isaac Sim may take to close.
run_in_isaac() {
  local status=0 ended=0 written
  read_places
  [[ "${RUNNER_CLOSE_LIMIT:-60}" =~ ^[1-9][0-9]*$ ]] ||
    die "RUNNER_CLOSE_LIMIT '$RUNNER_CLOSE_LIMIT' is no number of seconds; give a whole one, for instance 120"
  need_workstation
  isaac_environment "$(window_or_not)"
  mkdir -p .cache
  written=$(mktemp .cache/status.XXXXXX)
  isaac_env+=("RUNNER_STATUS=$ROOT/$written" RUNNER_SIMULATOR=isaac "ISAAC_TASK_PACKAGES=$(task_packages)")
  isaac_env+=("RUNNER_CLOSE_LIMIT=${RUNNER_CLOSE_LIMIT:-60}")
  attend "${isaac_env[@]}" "$sim/python.sh" -m "$module" "${flags[@]}" || ended=$?
  if [[ -s "$written" ]]; then
    read -r status <"$written"
    ((status != 0 || ended == 0)) ||
      warn "warning: Isaac Sim failed or hung while it was closed; all else was complete before"
  elif [[ "$program" != tensorboard ]]; then # which becomes another program
    status=$((ended > 128 ? ended : 1))
    warn "the simulator ended before the runner did; what it printed is above"
  fi
  rm -f -- "$written"
  exit "$status"
}

task_packages() { [[ -z "$robot" ]] || printf berkeley_humanoid_lite.tasks; }

# The display is for `make play` with a window, and for nothing else.
window_or_not() {
  if [[ "$program" == play && "$video" != 1 && "${viewer:-auto}" =~ ^(auto|native)$ ]]; then printf window; fi
}

# `make setup` means the workstation: the embedded simulator comes by name, or with the first run.
# What only reads runs takes the Python that is there.
choose_where() {
  case $program in
    setup) [[ "$simulator" != auto ]] || simulator=isaac ;;
    tensorboard | convert)
      simulator=mujoco
      venv_is_ready || ! workstation_is_ready || simulator=isaac
      ;;
  esac
  [[ "$simulator" != isaac ]] || note_harmful
}

main() {
  read_variables
  clean_environment
  choose_python
  check_variables
  choose_setup_flags
  forget_variables
  [[ "$program" == runs ]] || checkout_is_writable ||
    die "cannot write in '$ROOT'; use a checkout on a writable file system"
  choose_where
  say_first
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
