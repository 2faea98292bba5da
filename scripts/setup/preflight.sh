#!/usr/bin/env bash
# Looks at the machine that Isaac Sim is or will be installed on, and prints one line for each
# complaint, all of them in one run: `kind<TAB>id<TAB>what<TAB>repair`. The kind is needed or
# recommended, the id that of scripts/doctor/failures.ini. Nothing is printed about a good machine.
# The status says only whether the look itself worked.
# usage: scripts/setup/preflight.sh [--disk=GB:PATH ...] [--tool=NAME ...] [--host=NAME ...]
#                                   [--isaac-path=PATH]
#   --disk        GB that will be written under PATH, which need not exist; those of one disk add up
#   --tool        a program that must be on PATH
#   --host        a name that must resolve
#   --isaac-path  where Isaac Sim is or will be

set -euo pipefail

# What Isaac Sim 5.1 was validated with, the least its container declares, and the branch whose
# drivers crash its renderer.
DRIVER_RECOMMENDED=580.65.06
DRIVER_MIN=570.169
DRIVER_BROKEN=595
DRIVER_PACKAGE=nvidia-driver-580-open
GLIBC_MIN=2.35
UBUNTU_RELEASES='22.04 24.04'
VRAM_GB=16
RAM_GB=32
OPEN_FILES=4096
# Isaac Sim unpacked, Isaac Lab and the robot.
FILES=300000

OS_RELEASE=/etc/os-release
MEMINFO=/proc/meminfo

# Words in the names of GPUs without RT cores: data-centre ones from Kepler to Blackwell (T4, A10,
# A16, A40 and L4 have them), GeForce before RTX, Quadro before RTX, and the T series of notebooks.
NO_RT_CORES='[KMP][0-9]+[A-Z]*|G?[PV]100[A-Z]*|A(30|100|800)[A-Z]*|G?H(20|100|200|800)[A-Z]*|G?B(100|200|300)[A-Z]*'
NO_RT_CORES+='|GTX?|MX[0-9]+|TITAN (V|X|Xp)|T(400|500|550|600|1000|1200|2000)|CMP'

# The libraries that NVIDIA's own container adds to a bare Ubuntu, with their packages.
LIBRARIES='libatomic.so.1=libatomic1 libEGL.so.1=libegl1 libGL.so.1=libgl1 libGLU.so.1=libglu1-mesa
  libGLX.so.0=libglx0 libgomp.so.1=libgomp1 libSM.so.6=libsm6 libXi.so.6=libxi6
  libXrandr.so.2=libxrandr2 libXt.so.6=libxt6 libglib-2.0.so.0=libglib2.0-0'

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"

# What this script runs is a tool that is needed too.
tools=(df getconf getent mktemp rm stat timeout uname)
disks=() hosts=() isaac_path='' libraries='' best='' driver=''
other_folder='name another folder: make setup SIM=isaac INSTALL=/path'
new_driver="install the driver: sudo apt install $DRIVER_PACKAGE, then reboot"

read_arguments() {
  local argument
  for argument in "$@"; do
    case $argument in
      --disk=*)
        [[ "$argument" =~ ^--disk=[0-9]+:. ]] ||
          die "'$argument' is not --disk=GB:PATH; see the head of scripts/setup/preflight.sh"
        disks+=("${argument#*=}")
        ;;
      --tool=*) tools+=("${argument#*=}") ;;
      --host=*) hosts+=("${argument#*=}") ;;
      --isaac-path=*) isaac_path=${argument#*=} ;;
      *) die "unknown argument '$argument'; see the head of scripts/setup/preflight.sh" ;;
    esac
  done
}

need() { complain needed "$@"; }
recommend() { complain recommended "$@"; }

# complain KIND ID WHAT... do: REPAIR...: a path may hold a line break.
complain() {
  local kind=$1 id=$2 what=$3
  shift 3
  until [[ "$1" == do: ]]; do
    what+=" $1"
    shift
  done
  local repair="${*:2}"
  printf '%s\t%s\t%s\t%s\n' "$kind" "$id" "${what//[$'\t\r\n']/ }" "${repair//[$'\t\r\n']/ }"
}

# Whether the first version comes before the second, number by number: 580.9 before 580.65.06.
is_older() {
  local index first second
  IFS=. read -ra first <<<"$1"
  IFS=. read -ra second <<<"$2"
  for index in "${!second[@]}"; do
    ((10#${first[index]:-0} == 10#${second[index]})) || break
  done
  ((10#${first[index]:-0} < 10#${second[index]}))
}

# --- system --------------------------------------------------------------------------------------

check_machine() {
  have uname || return 0
  local system machine
  system=$(uname -s)
  machine=$(uname -m)
  [[ "$system" == Linux ]] ||
    need wrong-platform "this system is '$system', the archive of Isaac Sim 5.1 is for Linux" \
      do: "use Ubuntu 22.04 or 24.04"
  [[ "$machine" == x86_64 ]] ||
    need wrong-platform "this machine is '$machine', the archive of Isaac Sim 5.1 is for x86_64" \
      do: "use an x86-64 workstation"
  [[ "$(uname -r)" != *[Mm]icrosoft* ]] ||
    recommend wsl2-unsupported "this is WSL2, where Isaac Sim is not supported and its renderer mostly fails" \
      do: "boot Ubuntu 22.04 or 24.04 itself"
}

check_glibc() {
  have getconf || return 0
  local glibc
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc=''
  glibc=${glibc#glibc }
  if [[ ! "$glibc" =~ ^[0-9]+(\.[0-9]+)+$ ]]; then
    need glibc-too-old "no glibc answers getconf, Isaac Sim 5.1 is built for glibc $GLIBC_MIN" \
      do: "use Ubuntu 22.04 or 24.04"
  elif is_older "$glibc" "$GLIBC_MIN"; then
    need glibc-too-old "glibc is $glibc, Isaac Sim 5.1 is built for $GLIBC_MIN" do: "use Ubuntu 22.04 or 24.04"
  fi
}

# In a shell of its own: os-release is a shell file by its definition, and sets many variables.
check_release() (
  ID='' VERSION_ID='' PRETTY_NAME=''
  # shellcheck disable=SC1090
  source "$OS_RELEASE" >/dev/null 2>&1 || true
  [[ "$ID" == ubuntu && " $UBUNTU_RELEASES " == *" $VERSION_ID "* ]] ||
    recommend untested-os "this system is '${PRETTY_NAME:-${ID:-unknown}}', Isaac Sim 5.1 is tested on Ubuntu 22.04" \
      "and 24.04" do: "use one of them"
)

# What firmware and kernel keep for themselves is missing from what a machine is sold with.
check_memory() {
  [[ -r "$MEMINFO" ]] || return 0
  local key kib tenths
  while read -r key kib _; do
    [[ "$key" != MemTotal: ]] || break
  done <"$MEMINFO"
  tenths=$((kib * 10 / 1024 / 1024))
  ((kib >= RAM_GB * 1024 * 1024 * 95 / 100)) ||
    recommend little-memory "this machine has $((tenths / 10)).$((tenths % 10)) GB of memory, Isaac Sim 5.1 wants" \
      "$RAM_GB GB" do: "close other programs and take few environments, or add memory"
}

check_open_files() {
  local most
  most=$(ulimit -Hn)
  [[ "$most" == unlimited ]] || ((most >= OPEN_FILES)) ||
    recommend too-many-open-files "a process may open $most files here (ulimit -Hn), Isaac Sim wants $OPEN_FILES" \
      do: "raise nofile in /etc/security/limits.conf and log in again"
}

# --- GPU -----------------------------------------------------------------------------------------

check_gpu() {
  local said='' status=0 line reason='' best_memory=0 best_rank=-1
  if ! have nvidia-smi; then
    recommend no-nvidia-gpu "no NVIDIA GPU answers, nvidia-smi is not on PATH; the simulator will not start here" \
      do: "$new_driver"
    return
  fi
  have timeout || return 0
  said=$(timeout --kill-after=5 20 nvidia-smi --query-gpu=name,driver_version,memory.total \
    --format=csv,noheader,nounits 2>&1) || status=$?
  while IFS= read -r line; do
    read_gpu "$line" || reason=${reason:-$line}
  done <<<"$said"
  ((status != 124 && status != 137)) || reason='no word within 20 s'
  if [[ "$said" == *'Driver/library version mismatch'* ]]; then
    need nvml-mismatch "the NVIDIA driver was upgraded while an older kernel module is loaded (nvidia-smi:" \
      "driver/library version mismatch)" do: "reboot: sudo reboot"
  elif [[ -z "$best" ]]; then
    recommend no-nvidia-gpu "no NVIDIA GPU answers (nvidia-smi: ${reason:-status $status}); the simulator will not" \
      "start here" do: "see what nvidia-smi says, or $new_driver"
  elif ((status != 0)); then
    recommend gpu-does-not-answer "one NVIDIA GPU does not answer (nvidia-smi: ${reason:-status $status})" \
      do: "reboot: sudo reboot"
  fi
  [[ -n "$best" ]] || return 0
  judge_driver
  judge_gpu
}

# Keeps the best GPU: RT cores count for more than memory. A name may hold commas; memory that is
# shared with the system is not a number.
read_gpu() {
  [[ "$1" =~ ^(.+),\ *([0-9]+(\.[0-9]+)+),\ *([0-9]+|\[.*\])\ *$ ]] || return
  local name=${BASH_REMATCH[1]} memory=${BASH_REMATCH[4]} rank
  driver=${BASH_REMATCH[2]}
  [[ "$memory" != \[* ]] || memory=$((VRAM_GB * 1024))
  rank=$memory
  ! has_rt_cores "$name" || rank=$((rank + 1000000000))
  ((rank > best_rank)) || return 0
  best=$name best_memory=$memory best_rank=$rank
}

has_rt_cores() { [[ ! "$1" =~ (^|[ -])($NO_RT_CORES)([ -]|$) ]]; }

judge_driver() {
  if is_older "$driver" "$DRIVER_MIN"; then
    need driver-below-minimum "the NVIDIA driver is $driver, Isaac Sim 5.1 needs $DRIVER_MIN and is tested with" \
      "$DRIVER_RECOMMENDED" do: "$new_driver"
  elif is_older "$driver" "$DRIVER_RECOMMENDED"; then
    recommend driver-not-validated "the NVIDIA driver is $driver, Isaac Sim 5.1 is tested with $DRIVER_RECOMMENDED" \
      do: "$new_driver"
  elif ! is_older "$driver" "$DRIVER_BROKEN"; then
    recommend driver-too-new-595 "the NVIDIA driver is $driver, with $DRIVER_BROKEN and newer the renderer of Isaac" \
      "Sim 5.1 crashes" do: "go back to $DRIVER_RECOMMENDED: sudo apt install $DRIVER_PACKAGE, then reboot"
  fi
}

# A card that is sold with 16 GB reports as little as 15079 MiB (T4).
judge_gpu() {
  has_rt_cores "$best" ||
    recommend gpu-without-rt-cores "GPU '$best' has no RT cores, the renderer of Isaac Sim 5.1 cannot start on it and" \
      "only headless physics has a chance" do: "use an RTX GPU"
  ((best_memory >= VRAM_GB * 1024 * 90 / 100)) ||
    recommend little-gpu-memory "GPU '$best' has $best_memory MiB of memory, Isaac Sim 5.1 wants $VRAM_GB GB" \
      do: "take few environments, or use a larger GPU"
}

# --- libraries -----------------------------------------------------------------------------------

check_libraries() {
  have ldconfig || return 0
  local entry missing='' packages='' id='missing-system-lib'
  libraries=$(ldconfig -p)
  for entry in $LIBRARIES; do
    has_library "${entry%=*}" || missing+=" ${entry%=*}" packages+=" ${entry#*=}"
  done
  [[ "$missing" != ' libGLU.so.1' ]] || id='missing-libglu'
  [[ -z "$missing" ]] ||
    recommend "$id" "the renderer of Isaac Sim 5.1 lacks system libraries:$missing" \
      do: "install them: sudo apt install$packages"
  # A compute-only driver, or a container without the graphics capability.
  [[ -z "$best" ]] || has_library libGLX_nvidia.so.0 ||
    recommend vulkan-incompatible-driver "the NVIDIA driver $driver is here without its graphics half" \
      "(libGLX_nvidia.so.0), which the renderer needs" do: "install all of it: sudo apt install" \
      "libnvidia-gl-${driver%%.*}, or start the container with NVIDIA_DRIVER_CAPABILITIES=all"
}

# Of this machine's own kind: those for 32 bit programs are listed too.
has_library() { [[ "$libraries" == *$'\t'"$1 (libc6,x86-64"* ]]; }

# --- disks ---------------------------------------------------------------------------------------

# Python quotes such a path everywhere, Isaac Sim's own python.sh does not.
check_isaac_path() {
  [[ "$isaac_path" != *[[:space:]]* ]] ||
    need isaac-path-with-space "Isaac Sim's own python.sh does not work in a folder with a space, as '$isaac_path' is" \
      do: "$other_folder"
}

# What is needed on one file system adds up, whatever the folders are called.
check_disks() {
  local disk path folder device largest='' devices=()
  local -A judged=() size=() paths=() folders=()
  if ! have df || ! have stat || ! have mktemp; then return; fi
  for disk in "${disks[@]}"; do
    path=${disk#*:}
    find_folder "$path"
    [[ -n "${judged[$folder]-}" ]] || judge_folder
    judged[$folder]=1
    [[ -d "$folder" ]] || continue
    device=$(stat -L -c %d -- "$folder")
    [[ -n "${size[$device]-}" ]] || devices+=("$device")
    size[$device]=$((${size[$device]:-0} + 10#${disk%%:*}))
    folders[$device]=$folder
    [[ "${paths[$device]-}" == *"'$path'"* ]] || paths[$device]+="${paths[$device]:+ and }'$path'"
    [[ -n "$largest" ]] && ((size[$device] <= size[$largest])) || largest=$device
  done
  for device in "${devices[@]}"; do judge_disk; done
}

# Sets `folder`: what of a path is there already. A link to nowhere is.
find_folder() {
  folder=${1%/}
  [[ "$1" == /* ]] || folder=$ROOT/$folder
  until [[ -z "$folder" || -e "$folder" || -L "$folder" ]]; do folder=${folder%/*}; done
  folder=${folder:-/}
}

# Really writes: permissions say nothing to root or about a read-only file system.
judge_folder() {
  local said
  if [[ ! -d "$folder" ]]; then
    need folder-not-writable "'$folder' is not a folder" do: "$other_folder"
  elif said=$(mktemp -p "$folder" .write-test.XXXXXX 2>&1); then
    rm -f -- "$said"
  else
    need folder-not-writable "cannot write in '$folder' (${said##*: })" do: "$other_folder"
  fi
}

judge_disk() {
  local where=${paths[$device]} wanted=${size[$device]} free files files_free
  { read -r _ && read -r free files files_free; } \
    < <(df -k --output=avail,itotal,iavail -- "${folders[$device]}" 2>/dev/null) || free=''
  if [[ ! "$free" =~ ^[0-9]+$ ]]; then
    recommend free-disk-unknown "df does not say what is free on the disk of $where, $wanted GB are needed" \
      do: "look yourself: df -h"
    return
  fi
  free=$((free * 1024 / 1000000000))
  ((free >= wanted)) ||
    need disk-full-install "$free GB are free on the disk of $where, $wanted GB are needed" \
      do: "free some space, or $other_folder"
  # Some file systems, like btrfs, have no fixed number of files and report none.
  if [[ "$device" == "$largest" && "$files" =~ ^[1-9][0-9]*$ ]] && ((files_free < FILES)); then
    need few-inodes "$files_free more files fit on the disk of $where (df -i), about $FILES are needed" \
      do: "remove some, or $other_folder"
  fi
}

# --- tools and network ---------------------------------------------------------------------------

check_tools() {
  local tool package missing='' packages=''
  for tool in "${tools[@]}"; do
    if have "$tool" || [[ "$missing " == *" $tool "* ]]; then continue; fi
    missing+=" $tool"
    package=$(package_of "$tool")
    [[ "$packages " == *" $package "* ]] || packages+=" $package"
  done
  [[ -z "$missing" ]] ||
    need missing-tools "not on PATH:$missing" do: "install what brings them: sudo apt install$packages"
}

# The package of Ubuntu that brings a program.
package_of() {
  case $1 in
    basename | cat | chmod | comm | cp | cut | date | df | dirname | du | env | head | id | ln | ls | mkdir | mktemp | \
      mv | nohup | nproc | od | readlink | realpath | rm | rmdir | sha256sum | sleep | sort | stat | tail | tee | \
      timeout | touch | tr | uname | uniq | wc) say coreutils ;;
    flock | kill | renice | setsid) say util-linux ;;
    awk) say gawk ;;
    getconf | getent | ldconfig | ldd) say libc-bin ;;
    find | xargs) say findutils ;;
    pgrep | pkill | ps) say procps ;;
    fuser) say psmisc ;;
    cc | gcc | g++) say build-essential ;;
    ssh) say openssh-client ;;
    xz) say xz-utils ;;
    *) say "$1" ;;
  esac
}

# Behind a proxy it is the proxy that resolves names.
check_hosts() {
  [[ -z "${https_proxy-}${HTTPS_PROXY-}${all_proxy-}${ALL_PROXY-}" ]] || return 0
  if ! have getent || ! have timeout; then return; fi
  local index failed='' lookups=()
  for index in "${!hosts[@]}"; do
    timeout --kill-after=1 10 getent ahosts "${hosts[index]}" >/dev/null 2>&1 &
    lookups+=("$!")
  done
  for index in "${!hosts[@]}"; do
    wait "${lookups[index]}" || failed+="${failed:+, }'${hosts[index]}'"
  done
  [[ -z "$failed" ]] ||
    need names-do-not-resolve "these names do not resolve: $failed" \
      do: "check the connection and /etc/resolv.conf, or name a proxy: export https_proxy=http://host:port"
}

main() {
  # Messages as they are read here.
  export LC_ALL=C.UTF-8 LANGUAGE=
  read_arguments "$@"
  check_machine
  check_glibc
  check_release
  check_gpu
  check_libraries
  check_memory
  check_open_files
  check_isaac_path
  check_disks
  check_tools
  check_hosts
}

main "$@"
