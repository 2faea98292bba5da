# shellcheck shell=bash
# The workstation: where its parts are, what was chosen for it, and Isaac Sim's own Python.
# Sourced after lib.sh.
# shellcheck disable=SC2034 # names for the scripts that source this

STATE=.isaac
STATE_MARKER=.isaac-workstation
CHOICES=$STATE/choices
ARCHIVE_LOCK=$STATE/archive.lock
LICENCE=$STATE/licence
SIM_FILES=$STATE/isaac_sim.files
# Lines `project<TAB>module`: what set-up has installed of the user's.
TASK_PACKAGES=$STATE/task-packages

BUNDLE_MARKER=.isaac-workstation-bundle

# The pins that a bundle was made for.
pins_of_bundle() {
  local file
  for file in pins.env isaac.lock isaac-build.lock isaac-rsl_rl.lock assets.txt; do say "$file $(hash_of "env/$file")"; done
}

# Prints what is wrong with the folder of OFFLINE, if it is.
complain_about_bundle() {
  local folder=${SETUP_OFFLINE-}
  [[ -n "$folder" ]] || return 0
  if [[ ! -s "$folder/$BUNDLE_MARKER" ]]; then
    say "OFFLINE '$folder' is not a whole bundle; make one where there is network: make bundle OUT=$folder"
  elif [[ "$(pins_of_bundle)" != "$(<"$folder/$BUNDLE_MARKER")" ]]; then
    say "OFFLINE '$folder' was made for other pins than this checkout's; make it anew: make bundle OUT=$folder"
  fi
}

# What a scene with a plane is made of, below the root of NVIDIA's assets.
GROUND_PLANE=Isaac/Environments/Grid/default_environment.usd

# Made from Isaac Lab's kits, below its root.
KITS=apps/isaacsim_5_1

# Drops the record of a merge by scripts/site_packages.py, and what it had set aside.
forget_merge() {
  rm -rf -- "${STATE:?}/files-$1" "${STATE:?}/aside-$1" "$STATE/dists-$1" "$STATE/merged-$1"
}

receipt_of() { printf '%s/receipt-%s' "$STATE" "$1"; }

# The step that set-up is in, or stopped in; written before each, removed after the last.
UNFINISHED=$STATE/unfinished

# Set-up ends with the step verify, so its receipt says that all is there.
workstation_is_ready() { [[ -f "$(receipt_of verify)" && ! -f "$UNFINISHED" ]]; }

# Prints what train and the others say of a set-up that did not come to its end, if it is one. The same
# question as in runners/simulators.
complain_about_unfinished() {
  local step
  step=$(receipt_value step "$UNFINISHED")
  [[ -z "$step" ]] ||
    say "its set-up stopped in the step '$step' ($(receipt_value what "$UNFINISHED"))"
}

# --- choices -------------------------------------------------------------------------------------

# What is asked for now, else what was asked for before. "none" takes an earlier choice back.
choice() {
  local asked="SETUP_$1" value
  value=${!asked-}
  [[ -n "$value" ]] || value=$(receipt_value "$1" "$CHOICES")
  [[ "$value" != none || "$1" == ROBOT ]] || value=
  printf '%s' "$value"
}

CHOSEN='INSTALL ISAACSIM_PATH ISAACLAB_PATH ROBOT RSL_RL ASSETS TASK_PACKAGE'

write_choices() {
  local name value
  for name in $CHOSEN; do
    value=$(choice "$name")
    [[ -z "$value" ]] || say "$name $value"
  done | write_receipt "$CHOICES"
}

# Sets `install`, `sim`, `lab`, `robot`, `assets` to absolute paths; `own_sim`, `own_lab` and `own_robot`
# to 1 where set-up makes them, else to nothing; `robot` to nothing where none is wanted; `assets` to
# nothing where NVIDIA's server is asked.
read_places() {
  install=$(choice INSTALL)
  install=${install:-$ROOT/$STATE}
  sim=$(choice ISAACSIM_PATH) own_sim=''
  [[ -n "$sim" ]] || sim=$install/isaacsim own_sim=1
  lab=$(choice ISAACLAB_PATH) own_lab=''
  [[ -n "$lab" ]] || lab=$install/IsaacLab own_lab=1
  robot=$(choice ROBOT) own_robot=''
  case $robot in
    none) robot='' ;;
    /*) [[ "$robot" != "$install/${ROBOT_REPOSITORY##*/}" ]] || own_robot=1 ;;
    *) robot=$install/${ROBOT_REPOSITORY##*/} own_robot=1 ;;
  esac
  assets=$(choice ASSETS)
  # What a bundle brings is copied by the step assets, for the bundle may be on a disk that goes away.
  [[ -n "$assets" || -z "${SETUP_OFFLINE-}" && ! -f "$install/assets/$STATE_MARKER" ]] || assets=$install/assets
  isaac_rsl_rl=$(choice RSL_RL)
  isaac_rsl_rl=${isaac_rsl_rl:-$ISAAC_RSL_RL}
}

# --- Isaac's Python ------------------------------------------------------------------------------

# Names that change what Isaac Sim, its Python or Isaac Lab do, and that others leave behind: the
# shell of a conda or ROS user, a hand-written launch script, another Isaac Sim.
HARMFUL='PYTHONPATH PYTHONHOME PYTHONEXE VIRTUAL_ENV CONDA_PREFIX LD_PRELOAD LD_LIBRARY_PATH args
  ROS_DISTRO AMENT_PREFIX_PATH COLCON_PREFIX_PATH CMAKE_PREFIX_PATH
  ISAAC_PATH CARB_APP_PATH EXP_PATH ISAACLAB_EXP_FILE HEADLESS LIVESTREAM ENABLE_CAMERAS XR'

# What a process of Isaac's Python gets from outside. All else is left behind.
PASSED='HOME USER LOGNAME SHELL LANG LANGUAGE TZ XDG_RUNTIME_DIR XDG_CACHE_HOME TMPDIR
  http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
  SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_CACHE_PATH DRI_PRIME OMP_NUM_THREADS CUDA_LAUNCH_BLOCKING
  WARP_CACHE_PATH MPLCONFIGDIR TORCHINDUCTOR_CACHE_DIR TRITON_CACHE_DIR HYDRA_FULL_ERROR
  PRIVACY_CONSENT PRIVACY_USERID'
PASSED_BEGINNINGS='LC_ PIP_ WANDB_ NVIDIA_ VK_ __VK_LAYER_ __GL __NV __EGL OMNI_ PYTORCH_ NCCL_'

# Adds to `dropped` what clean_environment has left and Isaac's Python will not get.
note_harmful() {
  local name
  for name in $HARMFUL; do
    [[ -z "${!name-}" || " ${dropped[*]} " == *" $name "* ]] || dropped+=("$name")
  done
}

# Sets `isaac_env`, the command that starts a program in that environment. "window" passes the
# display on; without it a simulator that wants a window cannot open one.
isaac_environment() {
  local name beginning names=()
  read -r -d '' -a names <<<"$PASSED" || true
  [[ "${1-}" != window ]] || names+=(DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE)
  for beginning in $PASSED_BEGINNINGS; do
    while IFS= read -r name; do names+=("$name"); done < <(compgen -e "$beginning")
  done
  isaac_env=(env -i)
  for name in "${names[@]}"; do
    [[ -z "${!name+set}" ]] || isaac_env+=("$name=${!name}")
  done
  isaac_env+=("PATH=$(path_without_ros)" "TERM=$(working_terminal)" "ISAACLAB_PATH=$lab")
  isaac_env+=(PYTHONUNBUFFERED=1 PYTHONNOUSERSITE=1 PYTHONUTF8=1)
  # CUDA's own order is that of speed; graphics and nvidia-smi count by the bus.
  [[ -n "${CUDA_DEVICE_ORDER-}" ]] || isaac_env+=(CUDA_DEVICE_ORDER=PCI_BUS_ID)
  [[ ! -f "$LICENCE" ]] || isaac_env+=(OMNI_KIT_ACCEPT_EULA=YES)
}

# isaaclab.sh and others call tabs, which fails for no terminal or a dumb one.
working_terminal() {
  case ${TERM-} in
    '' | dumb) printf xterm ;;
    *) printf '%s' "$TERM" ;;
  esac
}

path_without_ros() {
  local folder kept='' IFS=:
  for folder in $PATH; do
    [[ "$folder" == /opt/ros/* ]] || kept+="${kept:+:}$folder"
  done
  printf '%s' "$kept"
}

# For set-up, which leaves no compiled modules in Isaac Sim's folders: uninstall takes away what the
# archive and set-up put there.
isaac_python() { "${isaac_env[@]}" PYTHONDONTWRITEBYTECODE=1 "$sim/python.sh" "$@"; }
