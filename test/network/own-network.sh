#!/bin/sh
# Runs a command in a network of its own that ends with it: only loopback, whose packets are small, so that
# what a test lets the kernel lose there is lost for nobody else, and the name server that a test starts is asked there alone.
#
# usage: sh test/network/own-network.sh COMMAND…
set -eu
PATH=$PATH:/usr/sbin:/sbin
export PATH
own=
[ "$(id -u)" -eq 0 ] || own=--map-root-user
# shellcheck disable=SC2016,SC2086 # expanded in there; empty for root
exec unshare --net --mount $own sh -c 'mount --bind test/network/resolv.conf /etc/resolv.conf &&
  ip link set lo up mtu 500 gso_max_segs 1 && exec "$@"' sh "$@"
