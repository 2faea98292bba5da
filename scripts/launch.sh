#!/usr/bin/env bash
# Carries out one verb: checks its variables, sets up what it needs, runs it in a clean environment.
# usage: scripts/launch.sh VERB, with the variables' names in GIVEN and their values in the
# environment; make does that.

set -euo pipefail

program=${1:?usage: make VERB}
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

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
  named_rsl_rl=$(given RSL_RL)
}

given() { [[ " ${GIVEN-} " != *" $1 "* ]] || printf '%s' "${!1-}"; }

# What runs next gets flags, not these variables.
forget_variables() { unset GIVEN "${names[@]}"; }

# Sets `python` to one that can check the variables: .venv's own, else the one that will make it.
choose_python() {
  if [[ -z "$named_python" ]] && venv_is_ready; then
    python=.venv/bin/python
  elif [[ "$program" == runs ]]; then
    find_python "$named_python" without_venv
  else
    find_python "$named_python"
  fi
}

# Ends here, with the line that runners.options printed, if a variable is not right.
check_variables() {
  local answer key value
  sim='' why=''
  # It says what is wrong itself, on stderr.
  answer=$("$python" -m runners.options "$program" "${flags[@]}") || exit
  while IFS='=' read -r key value; do
    case $key in
      sim) sim=$value ;;
      why) why=$value ;;
    esac
  done <<<"$answer"
}

say_first() {
  if [[ "$verbose" == 1 && ${#dropped[@]} -gt 0 ]]; then
    say "note: not passed on from the environment: ${dropped[*]}" >&2
  fi
  case $program in
    train | play)
      [[ "${named_sim:-auto}" == auto && -n "$why" ]] || why=
      say "$program: SIM=$sim${why:+ ($why)}"
      ;;
  esac
}

setup() {
  local arguments=("--sim=${sim:-mujoco}")
  [[ -z "$named_python" ]] || arguments+=("--python=$named_python")
  # Other verbs that take RSL_RL install nothing for it.
  [[ "$program" != setup || -z "$named_rsl_rl" ]] || arguments+=("--rsl-rl=$named_rsl_rl")
  supervise scripts/setup.sh "${arguments[@]}" "$@"
}

main() {
  read_variables
  clean_environment
  choose_python
  check_variables
  forget_variables
  [[ "$program" == runs ]] || checkout_is_writable ||
    die "cannot write in '$ROOT'; use a checkout on a writable file system"
  say_first
  case $program in
    setup) setup ;;
    runs) exec "$python" -m runners.runs "${flags[@]}" ;;
    test)
      setup --if-needed --dev >&2
      exec .venv/bin/python -m nox -s tests
      ;;
    lint)
      setup --if-needed --dev >&2
      exec .venv/bin/python -m nox -s lint
      ;;
    *)
      setup --if-needed >&2
      exec .venv/bin/python -m "runners.${program//-/_}" "${flags[@]}"
      ;;
  esac
}

main "$@"
