#!/usr/bin/env bash
# The embedded simulator: .venv with mjlab (MuJoCo Warp), the rsl_rl it pins, torch, TensorBoard.
# usage: scripts/setup/mujoco.sh step_name|needs|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/pip.sh
source scripts/pip.sh

LOCK=env/mujoco.lock

step_name() { say "installing the embedded simulator ($(flavour_name)) in .venv with Python $python_version"; }

# GB of disk.
needs() { if [[ "$flavour" == cuda ]]; then say "$DISK_CUDA_GB"; else say "$DISK_CPU_GB"; fi; }

inputs() {
  cat <<EOF
checkout $ROOT
python $python_version $python
flavour $flavour
torch $TORCH
torchvision $TORCHVISION
mjlab $MJLAB
lock $(hash_of "$LOCK")
EOF
}

check() {
  venv_is_ready && [[ "$(inputs)" == "$(<"$RECEIPT")" ]]
}

install() {
  clear_venv
  part "virtual environment" "$python" -I -m venv .venv || venv_failed
  install_lock "packages" "$LOCK"
  install_torch
  verify
  rm -rf .cache/pip
  inputs | write_receipt "$RECEIPT"
}

# One line on what there is.
report() {
  say "SIM=mujoco, $(flavour_name) build, Python $python_version"
  [[ "$flavour" == cpu ]] || gpu_is_seen ||
    warn "no NVIDIA GPU answers now (nvidia-smi -L); the CUDA build is kept and runs on the CPU"
}

# The receipt goes first and the marker stays, so a kill never leaves a half as done or as foreign.
# What the user has chosen stays too.
clear_venv() {
  local entry
  rm -f "$RECEIPT"
  mkdir -p .venv
  : >"$MARKER"
  shopt -s dotglob nullglob
  for entry in .venv/*; do
    case $entry in
      "$MARKER" | "$CHOICE" | "$TASK_CHOICE" | "$TASK_EGG_INFO") ;;
      *) rm -rf "$entry" ;;
    esac
  done
}

venv_failed() {
  if said 'Errno 28|No space left on device'; then pip_failed "virtual environment"; fi
  part_output | tail -n 3 >&2
  die "'$python -m venv' failed; the full log is $PARTS_LOG; install its venv module (sudo apt install" \
    "python$python_version-venv) or name another: make setup PYTHON=/path/to/python3"
}

# torch's CPU build is asked for by its full version: a plain one can bring gigabytes of CUDA.
install_torch() {
  local label
  label="torch $TORCH ($(flavour_name))"
  if [[ "$flavour" == cuda ]]; then
    pip "$label" "${INSTALL[@]}" "torch==$TORCH" "torchvision==$TORCHVISION" ||
      pip_failed "torch"
    return
  fi
  local wanted=("torch==$TORCH+cpu" "torchvision==$TORCHVISION")
  pip "$label" "${INSTALL[@]}" "${wanted[@]}" && return
  said "No matching distribution found for torch==" || pip_failed "torch"
  say "  not in pip's own index, taking it from $TORCH_CPU_INDEX"
  pip "$label" "${INSTALL[@]}" --extra-index-url "$TORCH_CPU_INDEX" "${wanted[@]}" ||
    pip_failed "torch"
}

verify() {
  part "check" .venv/bin/python -I scripts/setup/verify.py "torch==$TORCH" \
    "torchvision==$TORCHVISION" "mjlab==$MJLAB" "$(locked rsl-rl-lib)" "$(locked warp-lang)" && return
  if said 'Errno 28|No space left on device'; then pip_failed "check"; fi
  part_output | tail -n 5 >&2
  die "the packages in .venv do not fit together; the last lines are above, the full log is $PARTS_LOG;" \
    "remove .venv, then: make setup SIM=mujoco"
}

flavour_name() { if [[ "$flavour" == cuda ]]; then say CUDA; else say CPU; fi; }

# Sets `flavour`. A CUDA build stays one: a driver that is down for a moment is no reason to
# install gigabytes again.
choose_flavour() {
  flavour=$(receipt_value flavour "$RECEIPT")
  if [[ "$flavour" != cuda ]]; then
    flavour=cpu
    if gpu_is_seen; then flavour=cuda; fi
  fi
}

# Sets `python` and `python_version`: the ones of .venv as long as nobody names another.
choose_python() {
  if [[ -z "${SETUP_PYTHON-}" ]] && venv_is_ready; then
    read -r python_version python <<<"$(receipt_value python "$RECEIPT")"
  else
    find_python "${SETUP_PYTHON-}"
  fi
}

main() {
  clean_environment
  pip_environment
  choose_python
  choose_flavour
  "$1"
}

main "$@"
