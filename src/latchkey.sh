#!/bin/sh
# The launcher: finds a Node that is new enough (the pinned one of this checkout first, then the
# machine's), says what is missing in words, and becomes `node src/main.ts` with our flags.
#   latchkey COMMAND …          run a command
#   latchkey --check-runtime    only look whether that Node can run it
#   latchkey --compile          have everything compiled, so that the first start is as quick as the next
set -eu

# SIGHUP reloads: it must not end what is only starting. Node takes it back to the default, and src/main.ts handles
# it first thing; all that is left are the milliseconds in between.
case "${1:-}" in
  run | demo | proxy) trap '' HUP ;;
esac

self=$(readlink -f "$0" 2>/dev/null || printf '%s' "$0")
root=$(dirname "$(dirname "$self")")
node="$root/node_modules/.bin/node"
[ -e "$node" ] || node=$(command -v node || true)

if [ -z "$node" ]; then
  echo "latchkey: Cannot find Node.js: run \`npm ci\` in $root, or install Node 26.5.1 or newer" >&2
  exit 1
fi

if ! version=$("$node" --version 2>/dev/null); then
  # Node 25 and newer link against libatomic, which a bare Debian or Ubuntu does not have.
  why=$("$node" --version 2>&1 || true)
  case "$why" in
    *libatomic*)
      echo "latchkey: Cannot start Node.js: the library libatomic1 is missing. Install it with: apt-get install libatomic1" >&2
      ;;
    *) echo "latchkey: Cannot start Node.js ($node): $why" >&2 ;;
  esac
  exit 1
fi

# main.ts refuses an old Node in words; one too old to read TypeScript must be refused here.
major=${version#v}
major=${major%%.*}
if [ "$major" -lt 26 ]; then
  echo "latchkey: Cannot run on Node.js $version: 26.5.1 or newer is needed (run \`npm ci\` in $root to get one)" >&2
  exit 1
fi

if [ "${1:-}" = "--check-runtime" ]; then
  exit 0
fi

# Compiled code is run as it is: only from a folder that nobody but us and root may write to, nor to its
# folders. Who starts us may choose one; without any, everything is compiled at each start.
cache=${NODE_COMPILE_CACHE:-$root/node_modules/.cache/latchkey}
foreign=$(find "$cache" -maxdepth 1 -type d \
  \( \( ! -user 0 ! -user "$(id -u)" \) -o -perm -020 -o -perm -002 \) 2>/dev/null) || foreign=unreadable
if [ -d "$cache" ] && [ ! -L "$cache" ] && [ -z "$foreign" ]; then
  export NODE_COMPILE_CACHE="$cache"
elif [ -e "$cache" ]; then
  export NODE_DISABLE_COMPILE_CACHE=1
fi

# One heap of malloc for all threads of a process, where glibc makes up to eight for each core (mallopt(3)): the others
# keep what they once took, and hardly anybody but the main thread takes anything. At rest that is 1.5 MiB for each
# process, and 4 KiB for each connection of a burst (`npm run bench -- --only vps`, `idle-10k`). Children inherit it.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"

# --disable-sigusr1: no signal may open the inspector in a process that holds keys.
program="$root/src/main.ts"
if [ "${1:-}" = "--compile" ]; then
  program="$root/src/process/compile.ts"
fi
exec "$node" --disable-sigusr1 --disable-proto=delete --unhandled-rejections=strict \
  "$program" "$@"
