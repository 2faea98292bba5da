#!/usr/bin/env bash
# Isaac Lab 2.3.2 at its pinned commit, linked to Isaac Sim, with kits for Isaac Sim 5.1; or the
# user's own checkout.
# usage: scripts/setup/isaac_lab.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/git.sh
source scripts/git.sh

step_name() { say "installing Isaac Lab $ISAAC_LAB in $lab"; }

needs() {
  [[ -n "$own_lab" && ! -d "$lab" ]] || return 0
  say "--disk=$DISK_ISAAC_LAB_GB:$install"
  git_needs
}

complain() {
  if [[ -z "$own_lab" ]]; then
    [[ -f "$lab/VERSION" && -d "$lab/source/isaaclab" ]] ||
      say "ISAACLAB_PATH '$lab' is not a checkout of Isaac Lab: it has no VERSION or no source/isaaclab; name its root folder"
    [[ ! -f "$lab/VERSION" ]] || version_is_right ||
      say "ISAACLAB_PATH '$lab' is Isaac Lab '$(version_found)', $ISAAC_LAB is wanted; check that tag out or name another"
    [[ ! -d "$lab" || -w "$lab" ]] || say "ISAACLAB_PATH '$lab' is read-only for you; it gets a link and $KITS"
  elif [[ -e "$lab" && ! -d "$lab/.git" ]]; then
    say "'$lab' is not a git checkout; move it away, or use it with ISAACLAB_PATH=$lab"
  fi
  [[ -z "$assets" || "$assets" == "$install/assets" || -f "$assets/$GROUND_PLANE" ]] ||
    say "ASSETS '$assets' has no '$GROUND_PLANE', which every plane is made of; name the folder in which NVIDIA's Isaac/ and" \
      "NVIDIA/ are, of the assets for Isaac Sim $ISAAC_SIM or of make bundle; none takes it back"
  [[ ! -e "$lab/_isaac_sim" || -L "$lab/_isaac_sim" ]] ||
    say "'$lab/_isaac_sim' is not a link but a folder or file; move it away"
}

version_found() { tr -d '[:space:]' <"$lab/VERSION"; }

version_is_right() { [[ "$(version_found)" == "$ISAAC_LAB" ]]; }

inputs() {
  cat <<INPUTS
path $lab
own ${own_lab:-0}
commit $ISAAC_LAB_COMMIT
sim $sim
importer $(shipped_importer)
assets ${assets:-none}
script $(hash_of scripts/setup/isaac_lab.sh)
INPUTS
}

check() {
  local receipt
  receipt=$(receipt_of isaac_lab)
  [[ -f "$receipt" && "$(inputs && say "head $(head_of "$lab")")" == "$(<"$receipt")" ]] &&
    [[ "$(readlink -- "$lab/_isaac_sim")" == "$sim" && -f "$lab/$KITS/$STATE_MARKER" ]] && has_kits
}

has_kits() {
  local kit
  for kit in "$lab"/apps/*.kit; do [[ -f "$lab/$KITS/${kit##*/}" ]] || return; done
}

install() {
  git_environment
  rm -f "$(receipt_of isaac_lab)"
  if [[ -n "$own_lab" ]]; then get_checkout; fi
  say_what_differs
  link
  make_kits
  { inputs && say "head $(head_of "$lab")"; } | write_receipt "$(receipt_of isaac_lab)"
}

report() { say "Isaac Lab $(version_found)"; }

# --- the checkout --------------------------------------------------------------------------------

get_checkout() {
  if [[ ! -d "$lab" ]]; then
    part "git clone" clone_commit isaac-sim/IsaacLab "$ISAAC_LAB_COMMIT" "$lab" || clone_failed
    head_of "$lab" >"$STATE/isaac_lab.cloned"
  elif [[ "$(head_of "$lab")" != "$ISAAC_LAB_COMMIT" ]]; then
    move_to_pin
  fi
}

clone_failed() {
  die "git cannot get Isaac Lab's commit $ISAAC_LAB_COMMIT from $(repository_url isaac-sim/IsaacLab)" \
    "($(git_said)); check the connection and the disk, then: make setup"
}

# Only where the user has not moved it: what they have checked out or changed is theirs.
move_to_pin() {
  [[ "$(head_of "$lab")" == "$(cat "$STATE/isaac_lab.cloned" 2>/dev/null)" ]] || return 0
  ! has_changes "$lab" || die "'$lab' has local changes and the pinned commit has moved to" \
    "$ISAAC_LAB_COMMIT; commit or stash them (git -C '$lab' stash), then: make setup"
  part "git fetch" fetch_commit "$lab" "$ISAAC_LAB_COMMIT" || clone_failed
  head_of "$lab" >"$STATE/isaac_lab.cloned"
}

say_what_differs() {
  local head
  head=$(head_of "$lab")
  [[ "$head" == "$ISAAC_LAB_COMMIT" ]] ||
    warn "warning: '$lab' is on commit $head, not on the pinned $ISAAC_LAB_COMMIT (tag v$ISAAC_LAB); it is used as it is"
  ! has_changes "$lab" || warn "warning: '$lab' has local changes; it is used as it is"
}

# --- link and kits -------------------------------------------------------------------------------

# What an earlier link pointed to is kept, for uninstall to put it back.
link() {
  local before
  before=$(readlink -- "$lab/_isaac_sim" || true)
  if [[ -n "$before" && "$before" != "$sim" && -z "$own_lab" && ! -f "$STATE/isaac_lab.link" ]]; then
    say "$before" | write_receipt "$STATE/isaac_lab.link"
  fi
  [[ "$before" == "$sim" ]] || say "  $lab/_isaac_sim -> $sim${before:+ (was $before)}"
  ln -sfn -- "$sim" "$lab/_isaac_sim"
}

# No code of Isaac Lab looks there; the runner names these kits by their absolute path, so that a
# pip `isaacsim` 4.5 that leaks in cannot select the kits for 4.5, and a window starts without a
# registry. Made from this checkout's own kits, one folder deeper.
make_kits() {
  local kit new=$lab/$KITS.part importer root='\2'
  importer=$(shipped_importer)
  [[ -z "$assets" ]] || root=$(asset_root)
  set_aside_foreign_kits
  rm -rf -- "$new"
  mkdir -- "$new"
  for kit in "$lab"/apps/*.kit; do
    [[ -f "$kit" ]] || die "'$lab/apps' has no .kit files; restore them (git -C '$lab' checkout apps), then: make setup"
    # shellcheck disable=SC2016 # kit's own variables
    sed -E -e 's|\$\{app\}/\.\./|${app}/../../|g' \
      -e "s|^(\"isaacsim\.asset\.importer\.urdf\" *= *\{ *version *= *)\"[^\"]*\"|\1\"$importer\"|" \
      -e "s|^(persistent\.isaac\.asset_root\.[a-z]+ *= *)\"([^\"]*)\"|\1\"$root\"|" \
      "$kit" >"$new/${kit##*/}"
    [[ "$kit" != *.headless* ]] || leave_registry_alone "$new/${kit##*/}"
  done
  say '*' >"$new/.gitignore"
  say "made from ../*.kit by isaac-workstation for Isaac Sim $ISAAC_SIM" >"$new/$STATE_MARKER"
  rm -rf -- "${lab:?}/$KITS"
  mv -- "$new" "$lab/$KITS"
}

# The folder of ASSETS, as a text in TOML and in the right half of sed's s|…|…|.
asset_root() {
  printf '%s' "$assets" | sed -e 's/[\\"]/\\&/g' -e 's/[\\&|]/\\&/g'
}

# Kit asks the registry of extensions at each start of an app that has it enabled, also where all is
# there. scripts/launch.sh starts once more with the registry where something is not.
leave_registry_alone() {
  if grep -q '^registryEnabled *=' "$1"; then
    sed -E -i 's/^(registryEnabled *= *).*/\1false/' "$1"
  else
    printf '\n[settings.app.extensions]\nregistryEnabled = false\n' >>"$1"
  fi
}

set_aside_foreign_kits() {
  if [[ -e "$lab/$KITS" && ! -f "$lab/$KITS/$STATE_MARKER" ]]; then
    [[ ! -e "$lab/$KITS.before" ]] || die "'$lab/$KITS' was not made by this project and '$KITS.before' is there too; move one away, then: make setup"
    mv -- "$lab/$KITS" "$lab/$KITS.before"
    say "  $KITS was not made by this project; it is now $KITS.before"
  fi
}

# The version in Isaac Sim itself; Isaac Lab's kits name a later one, which only a registry has.
shipped_importer() {
  local file
  for file in "$sim"/ext*/isaacsim.asset.importer.urdf*/config/extension.toml; do
    [[ -f "$file" ]] || continue
    sed -nE 's/^version *= *"([^"]+)".*/\1/p' "$file" | head -n 1
    return
  done
  say "$URDF_IMPORTER"
}

main() {
  clean_environment
  read_places
  "$1"
}

main "$@"
