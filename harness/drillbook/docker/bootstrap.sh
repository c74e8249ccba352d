#!/bin/sh
# bootstrap.sh ROOT RELEASE SETTINGS MIRROR PACKAGE...: makes a file system of Debian's packages, and writes it to
# standard output as a tar. All else that is said goes to standard error.
#
# It runs as root in namespaces of its own (`unshare --mount --pid --fork --kill-child`): whatever is mounted or
# started here ends with it. SETTINGS is a folder with dpkg.cfg (for dpkg) and apt/ (to be laid over /etc/apt while
# packages are fetched, and taken away again: it may hold passwords). ROOT is an empty folder, in memory if
# SETTINGS/in-memory is there.
set -eu
root=$1 release=$2 settings=$3 mirror=$4
shift 4
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset LD_PRELOAD || true
exec 3>&1 1>&2

say() { echo "drillbook: $*"; }

mount -t proc proc /proc
[ ! -e "$settings/in-memory" ] || mount -t tmpfs -o size=3g,mode=755 drillbook "$root"
chmod 755 "$root"
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
cp "$settings/dpkg.cfg" "$root/etc/dpkg/dpkg.cfg.d/drillbook"

say "the base system"
if [ -n "$mirror" ]; then
    debootstrap --variant=minbase "$release" "$root" "$mirror"
else
    debootstrap --variant=minbase "$release" "$root"
fi

say "the packages"
# No service is to be started, and no database made, by installing it.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/etc/postgresql-common"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
[ ! -d "$settings/apt" ] || cp -R "$settings/apt/." "$root/etc/apt/"
[ ! -e "$settings/apt/sources.list" ] || find "$root/etc/apt/sources.list.d" -type f -delete
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
[ -e "$root/proc/self" ] || mount -t proc proc "$root/proc"
chroot "$root" apt-get -q update
chroot "$root" apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
chroot "$root" apt-get -q clean

say "the file system"
[ ! -d "$settings/apt" ] || (cd "$settings/apt" && find . -type f) | while read -r file; do
    rm -f "$root/etc/apt/$file"
done
rm -f "$root/etc/resolv.conf" "$root/usr/sbin/policy-rc.d" "$root/etc/dpkg/dpkg.cfg.d/drillbook"
# Left out: what is mounted, what is made anew when it is needed, and logs.
tar --numeric-owner --one-file-system -C "$root" -cf - \
    --exclude='./dev/*' --exclude='./proc/*' --exclude='./run/*' --exclude='./sys/*' --exclude='./tmp/*' \
    --exclude='./var/cache/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' . >&3
