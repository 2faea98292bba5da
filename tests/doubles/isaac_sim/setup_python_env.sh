#!/bin/bash
# Appends what Isaac Sim's Python needs to PYTHONPATH and LD_LIBRARY_PATH; to be sourced.
# An unset variable leaves an empty first entry, as in the real one: the current folder.

_isaac=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$_isaac/.:$_isaac/kit:$_isaac/kit/kernel/plugins:$_isaac/kit/libs/iray:$_isaac/kit/plugins:$_isaac/kit/plugins/bindings-python"
for _entry in \
  kit/python/lib/python3.11 \
  kit/python/lib/python3.11/site-packages \
  python_packages \
  exts/isaacsim.simulation_app \
  extsDeprecated/omni.isaac.kit \
  kit/kernel/py \
  kit/plugins/bindings-python \
  exts/isaacsim.robot_motion.lula/pip_prebundle \
  exts/isaacsim.asset.exporter.urdf/pip_prebundle \
  extscache/omni.kit.pip_archive-0.0.0+69cbf6ad.lx64.cp311/pip_prebundle \
  exts/omni.isaac.core_archive/pip_prebundle \
  exts/omni.isaac.ml_archive/pip_prebundle \
  exts/omni.pip.compute/pip_prebundle \
  exts/omni.pip.cloud/pip_prebundle; do
  export PYTHONPATH="$PYTHONPATH:$_isaac/$_entry"
done
unset _isaac _entry
