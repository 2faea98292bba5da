#!/bin/bash
# Stand-in of Isaac Sim 5.1's setup_conda_env.sh; to be sourced in another Python 3.11's environment.
# shellcheck disable=SC1091,SC2086,SC2164 # unquoted paths are what the real one has

_sim=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CARB_APP_PATH="$_sim/kit" EXP_PATH="$_sim/apps" ISAAC_PATH="$_sim"
cd $_sim
. ./setup_python_env.sh
cd $OLDPWD
PYTHONPATH=$(tr ':' '\n' <<<"$PYTHONPATH" | grep -v "$_sim/kit/python/lib/python3.11" | paste -sd: -)
export PYTHONPATH
unset _sim
