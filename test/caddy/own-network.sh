#!/bin/sh
# Runs a command in a network of its own that ends with it: only loopback, where ports 80 and 443 are free,
# and where the names in the file `hosts` beside this one lead to it, for every program. The CA of Caddy
# validates on no other ports and asks no other name server.
#
# usage: sh test/caddy/own-network.sh COMMAND…
set -eu
PATH=$PATH:/usr/sbin:/sbin
own=
[ "$(id -u)" -eq 0 ] || own=--map-root-user
# shellcheck disable=SC2016,SC2086 # expanded in there; empty for root
exec unshare --net --mount $own sh -c '
  ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"
' sh "$(dirname "$0")/hosts" "$@"
