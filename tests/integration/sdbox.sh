#!/bin/bash
# Started by sdbox.py in mount, process, network, UTS and IPC namespaces of its own.
# usage: sdbox.sh DIRECTORY TOP NAME
set -eu
base=$1 top=$2 name=$3
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base"/{changes,work,root,cgroup}
make -s -C "$top" install DESTDIR="$base/changes" >&2
# Everything of this machine is there; whatever is written stays in memory and is gone with us.
mount -t overlay -o "lowerdir=/,upperdir=$base/changes,workdir=$base/work" overlay "$base/root"
mount -t cgroup2 cgroup2 "$base/cgroup"
mkdir "$base/cgroup/$name"
echo 0 >"$base/cgroup/$name/cgroup.procs"
umount "$base/cgroup"

root=$base/root
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for place in dev run tmp var/tmp; do mount -t tmpfs -o mode=755 tmpfs "$root/$place"; done
chmod 1777 "$root/tmp" "$root/var/tmp"
mkdir "$root"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
if [ ! -e "$root$top/Makefile" ]; then # on a mount of its own
	mkdir -p "$root$top"
	mount --bind "$top" "$root$top"
fi
cd "$root"
mkdir -p run/outside
pivot_root . run/outside
umount -l /run/outside
# shellcheck disable=SC2016 # for the inner shell
exec unshare --cgroup sh -c '
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec env -i container=box PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=no' >&2
