#!/usr/bin/env bash
# Runs the store on real file systems: ext4, XFS, Btrfs, tmpfs, and ext4 on a disk with sectors of 4 KiB.
#
#   tests/filesystems/run.sh HOLDALL TESTS...
#
# HOLDALL is the command line, TESTS are test binaries that `cargo test --no-run` made. It takes root, loop devices,
# and mkfs.xfs and mkfs.btrfs; what is missing it says, and goes on without. FILESYSTEMS names those to try.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo 'this mounts file systems, which takes root; run it with sudo' >&2; exit 1; }
holdall=$(realpath "$1"); shift
cd "$(dirname "$0")/../.."
root=$PWD
work=$(mktemp -d); chmod 755 "$work"
mnt=$work/mnt; mkdir "$mnt"
device= quotas= failures=0
declare -A cells

# One row of the table that is printed last: what came of a step on a file system.
cell() { cells[$fs,$1]=$2; printf '%-9s %-22s %s\n' "$fs" "$1" "$2"; }
pass() { cell "$1" "${2:-ok}"; }
fail() { cell "$1" "FAILED: $2"; failures=$((failures + 1)); }

end() {
  umount --lazy "$mnt" 2>/dev/null
  [ -z "$device" ] || losetup --detach "$device" 2>/dev/null
  device=
}
trap 'end; rm -rf "$work"' EXIT

# Makes a file system of so many MiB and mounts it. Anybody may write to it, as to /tmp.
make_fs() { mount_fs "$1" && chmod 1777 "$mnt"; }
mount_fs() {
  local mib=$1 image=$work/image sector=512 quota=
  if [ "$fs" = tmpfs ]; then
    mount -t tmpfs -o size="${mib}m",mode=755 tmpfs "$mnt"
    return
  fi
  case $fs in ext4-4k) sector=4096 ;; esac
  rm -f "$image"; truncate -s "${mib}M" "$image"
  device=$(losetup --find --show --sector-size "$sector" "$image") || return 1
  case $fs in
    ext4) mkfs.ext4 -q -O quota "$device"; quota=usrquota ;;
    ext4-4k) mkfs.ext4 -q "$device" ;;
    xfs) mkfs.xfs -q "$device"; quota=uquota ;;
    btrfs) mkfs.btrfs -q "$device" >/dev/null ;;
  esac || return 1
  quotas=$quota
  [ -z "$quota" ] || ! mount -o "$quota" "$device" "$mnt" 2>/dev/null || return 0
  quotas=
  case $fs in ext4) tune2fs -O ^quota "$device" >/dev/null 2>&1 ;; esac
  mount "$device" "$mnt"
}

# Runs a command on the store that is under test.
h() { "$holdall" --store "$mnt/store" "$@"; }
# The content number $1, of $2 bytes.
content() { head -c "$2" < <(yes "content $1" 2>/dev/null); }
# Puts it; it is acknowledged when this succeeds.
put() { content "$1" "$2" | h put - --name "f$1" >/dev/null 2>"$work/error"; }
# Every content that was acknowledged is there: numbers and lengths in the array `acked`.
declare -A acked
all_there() {
  local number
  for number in "${!acked[@]}"; do
    h get "f$number" 2>"$work/error" | cmp -s - <(content "$number" "${acked[$number]}") || { echo "f$number" ; return 1; }
  done
}
delete() {
  local number
  for number in "$@"; do
    h rm --forever "f$number" >/dev/null 2>"$work/error" || return 1
    unset "acked[$number]"
  done
}
sound() { h check --content >"$work/check" 2>&1; }

# The suites, with their directories on the file system.
life() {
  local tests passed=0 out filters
  make_fs 12000 || { fail suites 'no such file system could be made'; end; return 1; }
  for tests in "$@"; do
    # Of the crash suite what uses a real directory.
    case $tests in *crash-*) filters=(processes:: opening:: cut:: read_only::) ;; *) filters=() ;; esac
    out=$(cd "$root/core" && TMPDIR=$mnt timeout 900 "$tests" "${filters[@]}" 2>&1)
    if ! grep -q '^test result: ok' <<<"$out"; then
      grep -E '^test .*FAILED|panicked|^test result' <<<"$out" >&2
      fail suites "$(grep -cE '^test .*FAILED' <<<"$out") tests of $(basename "$tests")"
      end; return 1
    fi
    passed=$((passed + $(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' <<<"$out")))
  done
  out=$(TMPDIR=$mnt HOLDALL=$holdall timeout 900 python3 -m tests.hosts cli --only life 2>&1)
  if grep -q '^test result: ok' <<<"$out"; then
    passed=$((passed + $(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' <<<"$out" | tail -1)))
    pass suites "$passed tests ok"
  else
    grep -E 'FAILED|Error' <<<"$out" >&2
    fail suites 'the life suite of the command line'
  fi
  end
}

# A disk that fills up: a put is refused, what was acknowledged stays, deleting and collecting works; and a put does
# again once there is room. What was deleted waits for the grace of a day, so the room is that of another file.
full() {
  local number code=0 mib=64 len
  case $fs in xfs) mib=320 ;; btrfs) mib=128 ;; esac
  acked=()
  make_fs "$mib" || { fail 'full disk' 'no such file system could be made'; end; return 1; }
  head -c 8M /dev/zero >"$mnt/other"
  for number in $(seq 1 600); do
    len=$((number % 3 == 0 ? 3000000 : number % 3 == 1 ? 200000 : 900))
    if put "$number" "$len"; then acked[$number]=$len; else code=$?; break; fi
  done
  if [ "$code" -ne 11 ] || ! grep -qiE 'full|no space' "$work/error"; then
    fail 'full disk' "exit $code: $(tail -1 "$work/error")"
  elif ! all_there >"$work/lost"; then fail 'full disk' "$(cat "$work/lost") was acknowledged and is gone"
  elif ! sound; then fail 'full disk' "check: $(tail -1 "$work/check")"
  elif ! delete 1 2 3 6; then fail 'full disk' "deleting: $(tail -1 "$work/error")"
  else
    if ! h gc >/dev/null 2>"$work/error"; then fail 'full disk' "gc: $(tail -1 "$work/error")"
    elif put 9000 3000000; then fail 'full disk' 'a put is taken though nothing was freed'
    elif ! rm "$mnt/other" || ! sync || ! put 9001 1000000; then fail 'full disk' "with room again: $(tail -1 "$work/error")"
    elif ! all_there >"$work/lost" || ! sound; then fail 'full disk' 'not sound afterwards'
    else pass 'full disk' "ok, refused after ${#acked[@]} files"; fi
  fi
  end
}

# Read-only, by a remount and where it can be had by the file system itself while a put is under way.
read_only() {
  local number code put
  acked=()
  make_fs 400 || { fail 'read-only' 'no such file system could be made'; end; return 1; }
  for number in 1 2 3 4 5; do put "$number" $((number * 400000)) && acked[$number]=$((number * 400000)); done
  mount -o remount,ro "$mnt" || { fail 'read-only' 'no remount'; end; return 1; }
  put 6 1000; code=$?
  if [ "$code" -ne 17 ]; then fail 'read-only' "a put ends with $code: $(tail -1 "$work/error")"
  elif ! h ls >/dev/null 2>"$work/error"; then fail 'read-only' "ls: $(tail -1 "$work/error")"
  elif ! all_there >"$work/lost" || ! sound; then fail 'read-only' 'not all is read'
  elif ! h backup "$work/copy" >/dev/null 2>"$work/error"; then fail 'read-only' "backup: $(tail -1 "$work/error")"
  else pass 'read-only' 'ok, a put is refused with 17'; fi
  rm -rf "$work/copy"
  mount -o remount,rw "$mnt"
  put 7 1000 && acked[7]=1000
  all_there >"$work/lost" && sound || fail 'read-only' 'not sound when it was writable again'

  # A put waits for its source while the file system ends all writing.
  mkfifo "$work/source"
  h put - --name late <"$work/source" >/dev/null 2>"$work/error" & put=$!
  exec 7>"$work/source"
  content 8 6000000 >&7
  case $fs in
    ext4 | ext4-4k) mount -o remount,abort "$mnt" 2>/dev/null ;;
    xfs) xfs_io -x -c shutdown "$mnt" ;;
    *) exec 7>&-; wait "$put"; rm "$work/source"
       cell 'stopped in use' 'not tried: nothing here stops this file system'; end; return ;;
  esac
  { content 8 3000000 >&7; } 2>/dev/null
  exec 7>&-
  wait "$put"; code=$?
  rm "$work/source"
  if [ "$code" -ne 17 ] && [ "$code" -ne 11 ]; then
    fail 'stopped in use' "the put ends with $code: $(tail -1 "$work/error")"
  else
    umount "$mnt" && mount "$device" "$mnt"
    if all_there >"$work/lost" && sound && put 10 100; then pass 'stopped in use' "ok, the put ends with $code"
    else fail 'stopped in use' "afterwards: $(cat "$work/lost") $(tail -1 "$work/check") $(tail -1 "$work/error")"; fi
  fi
  end
}

# A quota of 20 MiB for a user.
quota() {
  local number code=0 len
  acked=()
  make_fs 400 || { fail quota 'no such file system could be made'; end; return 1; }
  mkdir "$mnt/store"; chown nobody "$mnt/store"
  case $fs$quotas in
    ext4 | xfs) echo "this kernel mounts $fs without quotas" >"$work/error"; false ;;
    ext4usrquota) setquota -u nobody 0 20480 0 0 "$mnt" 2>"$work/error" ;;
    xfsuquota) xfs_quota -x -c 'limit bhard=20m nobody' "$mnt" 2>"$work/error" ;;
    btrfs) rmdir "$mnt/store"; btrfs subvolume create "$mnt/store" >/dev/null && chown nobody "$mnt/store" &&
      btrfs quota enable "$mnt" 2>"$work/error" && btrfs qgroup limit 20m "$mnt/store" 2>"$work/error" ;;
    *) echo 'quotas are tried on ext4, XFS and Btrfs' >"$work/error"; false ;;
  esac || { cell quota "not tried: $(tail -1 "$work/error")"; end; return; }
  h() { setpriv --reuid nobody --regid nogroup --clear-groups "$holdall" --store "$mnt/store" "$@"; }
  for number in $(seq 1 200); do
    len=$((number % 2 ? 1500000 : 900))
    if put "$number" "$len"; then acked[$number]=$len; else code=$?; break; fi
  done
  if [ "$code" -ne 11 ] || ! grep -qiE 'quota|full' "$work/error"; then fail quota "exit $code: $(tail -1 "$work/error")"
  elif ! all_there >"$work/lost" || ! sound; then fail quota "not all is read: $(tail -1 "$work/error" "$work/check")"
  elif ! delete 1; then fail quota "deleting: $(tail -1 "$work/error")"
  else
    if ! h gc >/dev/null 2>"$work/error"; then fail quota "gc: $(tail -1 "$work/error")"
    elif ! all_there >"$work/lost" || ! sound; then fail quota 'not sound afterwards'
    else pass quota "ok, refused after ${#acked[@]} files"; fi
  fi
  h() { "$holdall" --store "$mnt/store" "$@"; }
  end
}

for fs in ${FILESYSTEMS:-ext4 ext4-4k xfs btrfs tmpfs}; do
  kernel=${fs%-4k}
  grep -qw "$kernel" /proc/filesystems || modprobe "$kernel" 2>/dev/null ||
    { cell suites "not tried: this kernel has no $kernel"; continue; }
  command -v "mkfs.$kernel" >/dev/null || [ "$fs" = tmpfs ] || { cell suites "not tried: mkfs.$kernel is missing"; continue; }
  [ $# -eq 0 ] || life "$@"
  full
  read_only
  quota
done

echo
echo '| file system | suites | full disk | read-only remount | stopped in use | quota |'
echo '|---|---|---|---|---|---|'
for fs in ${FILESYSTEMS:-ext4 ext4-4k xfs btrfs tmpfs}; do
  printf '| %s |' "$fs"
  for step in suites 'full disk' 'read-only' 'stopped in use' quota; do printf ' %s |' "${cells[$fs,$step]:-not tried}"; done
  echo
done
echo "kernel $(uname -r)"
exit $((failures > 0))
