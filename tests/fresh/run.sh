#!/usr/bin/env bash
# Runs the README's two commands in an empty Debian root, as a stranger would: nothing but the clone and git is there.
# Usage (as root): tests/fresh/run.sh [SUITE]    SUITE: bookworm (default) or trixie. KEEP=1 keeps the root;
# SHARED_CCACHE=DIR lends the root a compiler cache, which saves minutes and changes nothing else.
set -euo pipefail
suite="${1:-bookworm}"
here="$(cd "$(dirname "$0")/../.." && pwd)"
[ "$(id -u)" = 0 ] || { echo "fresh: needs root (it makes a root file system and mounts into it)" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mmdebstrap >/dev/null; }

root="$(mktemp -d /var/tmp/millrace-fresh.XXXXXX)"
# What still runs inside is ended, and mounts go before files, so that nothing of this machine is deleted.
clean() {
  for p in /proc/[0-9]*; do
    [ "$(readlink "$p/root" 2>/dev/null)" = "$root" ] && kill -9 "${p#/proc/}" 2>/dev/null
  done
  umount -R -l "$root/dev" 2>/dev/null; umount -l "$root/proc" "$root/root/.cache/ccache" 2>/dev/null
  [ -n "${KEEP:-}" ] && { echo "fresh: kept $root" >&2; return; }
  mountpoint -q "$root/root/.cache/ccache" || mountpoint -q "$root/proc" || mountpoint -q "$root/dev" || rm -rf --one-file-system "$root"
}
trap clean EXIT

echo "fresh: $suite root in $root" >&2
mmdebstrap --quiet --variant=minbase --include=ca-certificates,git "$suite" "$root" http://deb.debian.org/debian
git clone --quiet "$here" "$root/root/millrace"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev" 2>/dev/null || mount --bind /dev "$root/dev"
mount --make-rslave "$root/dev" 2>/dev/null || true

if [ -n "${SHARED_CCACHE:-}" ]; then
  mkdir -p "$root/root/.cache/ccache"
  mount --bind "$SHARED_CCACHE" "$root/root/.cache/ccache"
fi

inside() { env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root" bash -c "cd /root/millrace && $1"; }
echo "fresh: ./mill demo --once" >&2
inside "./mill demo --once"
echo "fresh: ./mill test" >&2
inside "./mill test"
echo "fresh: both commands pass on an empty $suite" >&2
