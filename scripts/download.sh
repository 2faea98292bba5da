#!/usr/bin/env bash
# Downloads one big zip archive, and goes on where an earlier call was cut, at any byte.
# usage: scripts/download.sh URL FILE
#   URL   http, https or file; curl's proxy variables count, ~/.curlrc does not
#   FILE  is there only when whole; until then FILE.part, and FILE.part.from with what that is a part of
# One call at a time for a FILE; the caller sees to that.

set -euo pipefail

program=download
started_in=$PWD
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

# Seconds until a connection that does not come, or brings less than SLOWEST bytes a second, is dead.
CONNECT=30
STALL=30
SLOWEST=1000
# Seconds before each new attempt for as long as no byte comes; after the last it fails.
WAITS=(1 5 15 30)
# Seconds between two lines of progress.
LINE=2

curl=(curl -q --silent --show-error --stderr - --fail --location --max-redirs 10 --globoff
  --proto '=http,https,file' --proto-redir '=http,https'
  --connect-timeout "$CONNECT" --speed-limit "$SLOWEST" --speed-time "$STALL")
again='run the same command again'
child='' met=''

read_arguments() {
  (($# == 2)) || die "two arguments are needed; usage: scripts/download.sh URL FILE"
  url=$1 file=$2
  [[ "$file" == /* ]] || file=$started_in/$file
  part=$file.part from=$file.part.from answer=$file.part.answer
  # Neither a password nor the signature of an address goes to a file or a terminal.
  shown=$(sed -E 's,^([a-z]+://)[^/@]*@,\1,; s,[?#].*,,' <<<"$url")
  [[ "$url" =~ ^(https?://[^/]|file:///). ]] ||
    die "'$shown' is not an address of http, https or file; check ISAAC_SIM_URL"
  [[ ! -e "$file" ]] || die "'$file' is there already; remove it, then $again"
  { : >>"$part"; } 2>/dev/null || die "cannot write '$part'; name a folder that can be written to"
}

# --- asking the server ---------------------------------------------------------------------------

# Runs curl with more arguments. Sets `code`, its status; `reason`, its word on that; and from the
# server's last answer `status`, `size` (of the whole file), `etag`, `modified` and `type`.
ask() {
  local key value
  code=0
  run_curl "$@" || code=$?
  status='' size='' etag='' modified='' type='' reason=''
  while IFS='=' read -r key value; do
    printf -v "$key" '%s' "$value"
  done < <(read_answer)
}

# The watcher reads from a pipe that ends when this shell does, also by kill -9.
run_curl() {
  local result=0 pipe watcher
  "${curl[@]}" "$@" "$url" >"$answer" &
  child=$!
  exec {pipe}> >(watch "$child")
  watcher=$!
  wait "$child" || result=$?
  child=
  say over >&"$pipe"
  exec {pipe}>&-
  wait "$watcher" || true
  return "$result"
}

# A weak ETag says nothing about single bytes.
read_answer() {
  awk '
    { sub(/\r$/, "") }
    /^HTTP\// { status = $2; size = total = etag = modified = type = ""; next }
    /^curl: \([0-9]+\) / { reason = $0; sub(/^curl: \([0-9]+\) /, "", reason); next }
    { name = tolower($1); value = $0; sub(/^[^ ]* */, "", value) }
    name == "content-length:" { size = value }
    name == "content-range:" { total = value; sub(/.*\//, "", total) }
    name == "etag:" && value ~ /^"/ { etag = value }
    name == "last-modified:" { modified = value }
    name == "content-type:" { type = tolower(value) }
    END {
      if (status == 206 || status == 416) size = total
      if (size !~ /^[0-9]+$/) size = ""
      print "status=" status "\nsize=" size "\netag=" etag "\nmodified=" modified
      print "type=" type "\nreason=" reason
    }' "$answer"
}

# Says how far it is, and ends curl when the shell that started it is gone.
watch() {
  local word='' before now result
  before=$(bytes_there)
  while :; do
    result=0
    read -r -t "$LINE" word || result=$?
    [[ "$word" != over ]] || return 0
    if ((result <= 128)); then
      kill "$1" 2>/dev/null || true
      return 0
    fi
    [[ -n "$met" ]] || continue
    now=$(bytes_there)
    say "$(progress_line "$now" "$(((now - before) / LINE))")"
    before=$now
  done
}

progress_line() {
  local speed="$((($2 + 500000) / 1000000)) MB/s"
  if [[ -n "$whole" ]]; then
    say "Downloading $((100 * $1 / (whole > 0 ? whole : 1))) % ($(gigabytes "$1") of $(gigabytes "$whole") GB, $speed)"
  else
    say "Downloading ($(gigabytes "$1") GB, $speed)"
  fi
}

gigabytes() {
  local tenths=$((($1 + 50000000) / 100000000))
  say "$((tenths / 10)).$((tenths % 10))"
}

# Sets `whole` and `version`, the size and the mark of the file that the server has now.
look() {
  local seconds
  for seconds in "${WAITS[@]}" ''; do
    ask --head
    if [[ "$status" =~ ^(400|403|405|501)$ ]]; then ask_for_a_byte; fi
    refuse_page
    ((code != 0)) || break
    if [[ -z "$seconds" ]] || ! may_pass; then fail; fi
    say "Not yet ($(complaint)), trying again in $seconds s"
    pause "$seconds"
  done
  whole=$size version=${etag:-$modified} met=1
}

# For servers without HEAD. /dev/full stops those that would send everything.
ask_for_a_byte() {
  ask --range 0-0 --dump-header - --output /dev/full
  if ((code == 23)); then code=0; fi
}

# Whether the next attempt could go well. Where a connection was, there can be one again.
may_pass() {
  case $code in
    22) [[ "$status" =~ ^(408|429|5..)$ ]] ;;
    16 | 18 | 52 | 55 | 56 | 92 | 95) [[ "$status" != 407 ]] ;;
    5 | 6 | 7 | 28 | 35) [[ -n "$met" ]] ;;
    *) return 1 ;;
  esac
}

complaint() {
  case $code in
    22) say "the server answers $status" ;;
    *) say "${reason:-curl ended with $code}" ;;
  esac
}

# Ends with the one line for what stopped curl.
fail() {
  [[ ! -s "$part" ]] || again+=', which goes on from there'
  case $code:$status in
    3:*) die "'$shown' is not an address; check ISAAC_SIM_URL" ;;
    22:404 | 22:410) die "'$shown' is not there ($status); check ISAAC_SIM_URL" ;;
    22:401 | 22:403) die "'$shown' is not there for everyone ($status); check ISAAC_SIM_URL" ;;
    37:*) die "'$shown' is not there (no file that can be read); check ISAAC_SIM_URL" ;;
    *:407) die "the proxy wants a user and a password (407); check https_proxy, then $again" ;;
    22:*) die "the server of '$shown' answers $status; wait a while, then $again" ;;
    23:*) cannot_write ;;
    5:*) die "the proxy is not found ($reason); check https_proxy, then $again" ;;
    6:*) die "the host of '$shown' is not found ($reason); check the connection and DNS, then $again" ;;
    7:*) die "no connection to '$shown' ($reason); check the connection and the proxy, then $again" ;;
    28:*) die "'$shown' does not answer ($reason); check the connection and the proxy, then $again" ;;
    35:* | 5[1389]:* | 60:* | 77:* | 83:* | 9[01]:*)
      die "no safe connection to '$shown' ($reason); check the clock, the certificates and the proxy, then $again"
      ;;
    *) die "the connection to '$shown' fails ($(complaint)); check it and the proxy, then $again" ;;
  esac
}

refuse_page() {
  [[ "$status" != 2* || "$type" != text/html* ]] || page_answered
}

# A part from before, of the archive, is kept.
page_answered() {
  is_archive || rm -f "$part" "$from"
  die "a web page answered instead of the archive '$shown' (a captive portal or a proxy?);" \
    "look at it in a browser, then $again"
}

cannot_write() {
  local free
  free=$(df -Pk "${file%/*}" | awk 'NR == 2 { print int($4 / 1000) }')
  die "cannot write '$part' ($free MB are free on its disk); free some space, then $again"
}

# --- what is there -------------------------------------------------------------------------------

bytes_there() { wc -c <"$part"; }

is_whole() { [[ -n "$whole" ]] && (($(bytes_there) == whole)); }

# Whether it begins as a zip archive does, as far as it goes.
is_archive() {
  local LC_ALL=C start=''
  IFS= read -r -d '' -n 4 start <"$part" || true
  [[ $'PK\003\004' == "$start"* ]]
}

offered() {
  say "url $shown"
  say "size $whole"
  say "version $version"
}

# The part is emptied first, so a kill never leaves it under the mark of another file.
begin() {
  : >"$part"
  offered | write_receipt "$from" 2>/dev/null || cannot_write
}

# Goes on with a part of the file that the server has now.
open_part() {
  local bytes
  bytes=$(bytes_there)
  if ((bytes > 0)); then
    if is_archive && [[ -f "$from" && "$(<"$from")" == "$(offered)" ]] && ((bytes <= ${whole:-$bytes})); then
      say "Going on after $(gigabytes "$bytes") GB"
      return
    fi
    say "The part that is there is not of the file that the server has, starting anew"
  fi
  begin
}

# --- fetching ------------------------------------------------------------------------------------

# Adds to the part until it is whole.
fetch() {
  local attempt=0 before restarted=''
  until is_whole; do
    before=$(bytes_there)
    fetch_from "$before"
    refuse_page
    if ((code == 33)) || is_another; then
      [[ -z "$restarted" ]] || cannot_go_on
      restarted=1
      restart
    elif ((code == 0)) || [[ "$status" == 416 ]]; then
      check_size
      return
    else
      may_pass || fail
      (($(bytes_there) == before)) || attempt=0
      ((attempt < ${#WAITS[@]})) || fail
      say "Cut after $(gigabytes "$(bytes_there)") GB ($(complaint)), trying again in ${WAITS[attempt]} s"
      pause "${WAITS[attempt]}"
      attempt=$((attempt + 1))
    fi
  done
}

fetch_from() {
  local options=(--dump-header - --output "$part")
  if (($1 > 0)); then
    options+=(--continue-at "$1")
    [[ -z "$version" ]] || options+=(--header "If-Range: $version")
  fi
  ask "${options[@]}"
}

# Whether the answer was from another file than the one that was looked at.
is_another() {
  local now=$modified
  [[ "$version" != '"'* ]] || now=$etag
  [[ "$status" == 2* && -n "$version" && -n "$now" && "$now" != "$version" ]]
}

restart() {
  if is_another; then
    say "The server's file has changed meanwhile, starting anew"
  else
    say "The server cannot go on in the middle of a file, starting anew"
  fi
  look
  begin
}

cannot_go_on() {
  if is_another; then
    rm -f "$part" "$from"
    die "the file of '$shown' changes while it is downloaded; check ISAAC_SIM_URL, then $again"
  fi
  die "the connection was cut again, and the server of '$shown' cannot go on in the middle of a file;" \
    "try a mirror by ISAAC_SIM_URL, or $again"
}

# It has sent all that it has: so it says, or there is nothing where the part ends (416).
check_size() {
  local bytes
  bytes=$(bytes_there)
  if [[ "$status" == 416 ]]; then
    [[ -z "$whole" && "$bytes" == "$size" ]] ||
      die "the server of '$shown' declared ${whole:-no} bytes and has ${size:-other}; check ISAAC_SIM_URL, then $again"
  elif ((bytes != ${whole:-$bytes})); then
    die "the server of '$shown' declared $whole bytes and sent $bytes; check ISAAC_SIM_URL, then $again"
  fi
}

# Pages that say they are archives, and ends that a server has kept to itself.
check_archive() {
  is_archive || page_answered
  tail -c 65557 "$part" | LC_ALL=C grep -caF $'PK\005\006' >/dev/null && return
  rm -f "$part" "$from"
  die "'$shown' ends before the archive does: it is damaged there, or the server declared too few bytes;" \
    "check ISAAC_SIM_URL, then $again"
}

# --- the whole -----------------------------------------------------------------------------------

# A trap is not looked at before a foreground sleep ends.
pause() {
  sleep "$1" &
  child=$!
  wait "$child"
  child=
}

stop() {
  trap '' INT TERM HUP
  [[ -z "$child" ]] || kill "$child" 2>/dev/null || true
  [[ -z "$child" ]] || wait "$child" || true
  exit "$1"
}

tidy() {
  rm -f "$answer"
  [[ -s "$part" ]] || rm -f "$part" "$from"
}

main() {
  read_arguments "$@"
  trap tidy EXIT
  trap 'stop 130' INT
  trap 'stop 143' TERM HUP
  look
  open_part
  fetch
  check_archive
  mv -f -- "$part" "$file"
  rm -f "$from"
  say "Downloaded $(gigabytes "$(wc -c <"$file")") GB"
}

main "$@"
