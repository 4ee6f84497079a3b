#!/bin/busybox sh
# shellcheck shell=dash
# First process of the guest, in the initramfs: finds the root's disk and goes there.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
echo 'unreclaim-lab: started' >/dev/console
case " $($b cat /proc/cmdline) " in
*' unreclaim.probe '*) $b reboot -f ;;
esac
# Twice: a module may need one that comes later in the list.
for attempt in 1 2; do
    for module in /mods/*; do
        [ ! -e "$module" ] || ! $b insmod "$module" 2>/dev/null || $b rm "$module"
    done
done
attempt=0
while [ ! -b /dev/vdb ] && [ $attempt -lt 200 ]; do
    $b usleep 50000
    attempt=$((attempt + 1))
done
$b mount -t ext4 -o rw,relatime /dev/vda /root || {
    echo 'unreclaim-lab: no root: has this kernel virtio_pci, virtio_blk and ext4, or its modules (--modules)?'
    $b reboot -f
} >/dev/console 2>&1
[ ! -b /dev/vdc ] || $b mount -t ext4 -o ro /dev/vdc /root/usr/lib/modules
$b mount -t tmpfs -o nosuid,nodev,mode=755,size=20% tmpfs /root/run
$b mkdir /root/run/lab
$b cp /main /bin/busybox /root/run/lab/
for directory in dev proc sys; do
    $b mount --move /$directory /root/$directory
done
case " $($b cat /root/proc/cmdline) " in
*' unreclaim.systemd '*)
    $b mkdir -p /root/run/systemd/system/default.target.wants
    printf '%s\n' '[Service]' 'ExecStart=/run/lab/busybox sh /run/lab/main' >/root/run/systemd/system/unreclaim-lab.service
    printf '%s\n' '[Unit]' 'Requires=basic.target unreclaim-lab.service dbus.socket' \
        >/root/run/systemd/system/default.target
    exec $b switch_root /root /sbin/init
    ;;
esac
exec $b switch_root /root /run/lab/main
