#!/bin/sh
# Runs a command as a service of a systemd of its own, as root: in the system of this machine, of which it changes
# nothing (what is written goes into memory, and is gone with it), in a network of its own, with this checkout in
# /opt/latchkey as README wants it. Ends as the command does.
#
# usage: sh test/systemd/own-system.sh COMMAND…
set -eu
PATH=$PATH:/usr/sbin:/sbin
if [ "${1-}" != --unshared ]; then
  [ "$(id -u)" -eq 0 ] || { echo "Cannot start a systemd: only root may" >&2; exit 1; }
  exec unshare --mount "$0" --unshared "$@"
fi
shift

work=$(mktemp -d)
mount -t tmpfs own-system "$work"
root=$work/root trial=$work/trial
mkdir "$work/upper" "$work/work" "$root" "$trial"
mount -t overlay own-system -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
# Of this machine's services none is started.
rm -rf "$root"/etc/systemd/system/*.wants
# Entry by entry: the folder of a checkout may be closed to other users.
mkdir -p "$root/opt/latchkey"
for entry in src config test node_modules package.json README.md; do
  binds="${binds-} --bind-ro=$PWD/$entry:/opt/latchkey/$entry"
done

{
  printf 'cd /opt/latchkey\n'
  printf 'exec'
  for word in "$@"; do printf " '%s'" "$(printf %s "${word#"$PWD"/}" | sed "s/'/'\\\\''/g")"; done
  printf '\n'
} >"$trial/command.sh"
cat >"$root/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=basic.target
Wants=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh /trial/command.sh
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/trial/status; systemctl poweroff --force'
StandardOutput=append:/trial/output
StandardError=append:/trial/output
Environment=NO_COLOR=1
UNIT
stop() { kill "$system"; }
trap stop INT TERM
# shellcheck disable=SC2086 # one argument for each
systemd-nspawn --quiet --register=no --keep-unit --private-network --boot --directory="$root" \
  --bind="$trial:/trial" $binds -- --unit=trial.service >"$work/console" 2>&1 &
system=$!
wait "$system" || true
[ -e "$trial/status" ] || { echo "Cannot start a systemd:"; cat "$work/console"; exit 1; }
cat "$trial/output"
exit "$(cat "$trial/status")"
