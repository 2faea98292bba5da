#!/bin/bash
# Stand-in of Isaac Sim 5.1's python.sh: runs the bundled Python. Its weak spots are kept on purpose.
# usage: python.sh ARGUMENTS-OF-PYTHON...
# shellcheck disable=SC1091,SC2086,SC2154 # unquoted paths and $args are what the real one has

set -e

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CARB_APP_PATH="$here/kit" ISAAC_PATH="$here" EXP_PATH="$here/apps"
source ${here}/setup_python_env.sh

interpreter=${PYTHONEXE:-$here/kit/python/bin/python3}
kept=()
for word in "$@"; do
  [[ "$word" == --lldb-debug ]] || kept+=("$word")
done

if [[ -n "$CONDA_PREFIX" ]]; then
  echo "Warning: running in conda env, please deactivate before executing this script"
  echo "Else source setup_conda_env.sh there, and run that Python itself"
fi
if [[ -f /.dockerenv && -f "$here/vulkan_check.sh" ]]; then
  ${here}/vulkan_check.sh
fi

export RESOURCE_NAME=IsaacSim
# ld.so complains about one that is absent, and would do so here in every line on stderr.
unset LD_PRELOAD
if [[ -f "$here/kit/libcarb.so" ]]; then
  export LD_PRELOAD="$here/kit/libcarb.so"
fi

$interpreter "${kept[@]}" $args || {
  echo "There was an error running python"
  exit 1
}
