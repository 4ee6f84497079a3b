#!/run/lab/busybox sh
# shellcheck shell=dash
# In the guest's root: mounts what systemd would, runs /payload/command and says how it ended. It is the first process,
# or a service of the guest's systemd (unreclaim.systemd), which mounts for itself.
#
# Three virtio ports lead out: "status" has one line at each step, "output" what the command writes, "result" the file
# that it leaves as $UNRECLAIM_RESULT.
b=/run/lab/busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
export UNRECLAIM_RESULT=/run/lab/result

# mount_at TYPE DIRECTORY OPTIONS: what this kernel does not have is left out.
mount_at() {
    [ -d "$2" ] || $b mkdir -p "$2" 2>/dev/null
    $b mount -t "$1" -o "$3" "$1" "$2" 2>/dev/null
}

mount_v1() {
    top=/sys/fs/cgroup
    mount_at tmpfs $top nosuid,nodev,noexec,mode=755
    $b mkdir $top/systemd
    $b mount -t cgroup -o nosuid,nodev,noexec,relatime,xattr,none,name=systemd cgroup $top/systemd
    for controllers in memory pids cpu,cpuacct cpuset blkio devices freezer perf_event net_cls,net_prio hugetlb; do
        mount_at cgroup $top/$controllers nosuid,nodev,noexec,relatime,$controllers || $b rmdir $top/$controllers
    done
    [ ! -w $top/memory/memory.use_hierarchy ] || echo 1 >$top/memory/memory.use_hierarchy
}

mount_v2() {
    top=/sys/fs/cgroup
    options=nosuid,nodev,noexec,relatime,nsdelegate
    mount_at cgroup2 $top $options,memory_recursiveprot || mount_at cgroup2 $top $options
    for controller in memory pids; do
        echo +$controller >$top/cgroup.subtree_control
    done
}

port() {
    for entry in /sys/class/virtio-ports/*; do
        [ "$($b cat "$entry/name" 2>/dev/null)" != "$1" ] || echo "/dev/${entry##*/}"
    done
}

mount_all() {
    mount_at devpts /dev/pts gid=5,mode=620,ptmxmode=000
    mount_at tmpfs /dev/shm nosuid,nodev,mode=1777
    mount_at mqueue /dev/mqueue nosuid,nodev,noexec
    mount_at tmpfs /tmp nosuid,nodev,mode=1777
    mount_at debugfs /sys/kernel/debug nosuid,nodev,noexec
    mount_at bpf /sys/fs/bpf nosuid,nodev,noexec,mode=700
    [ -e /dev/fd ] || $b ln -s /proc/self/fd /dev/fd
    for number in 0:stdin 1:stdout 2:stderr; do
        $b ln -sf "/proc/self/fd/${number%:*}" "/dev/${number#*:}"
    done
    case " $($b cat /proc/cmdline) " in
    *' unreclaim.cgroup=v1 '*) mount_v1 ;;
    *' unreclaim.cgroup=hybrid '*)
        mount_v1
        mount_at cgroup2 /sys/fs/cgroup/unified nosuid,nodev,noexec,relatime
        ;;
    *) mount_v2 ;;
    esac
    $b hostname lab
    $b ip link set lo up
}

case " $($b cat /proc/cmdline) " in
*' unreclaim.systemd '*) ;;
*) mount_all ;;
esac
mount_at tracefs /sys/kernel/tracing nosuid,nodev,noexec
# The kernel loads by it what a mount asks for: kmod's reads an index that busybox's depmod did not write.
$b ln -s busybox /run/lab/modprobe
echo /run/lab/modprobe >/proc/sys/kernel/modprobe

attempt=0
while [ -z "$(port status)" ] && [ $attempt -lt 50 ]; do
    $b usleep 100000
    attempt=$((attempt + 1))
done
exec 3>"$(port status)"
$b tar -x -C /payload -f /dev/vdb || echo 'unreclaim-lab: the payload did not unpack' >/dev/console
read -r uptime _ </proc/uptime
echo "started $uptime" >&3
cd /payload || exit
/bin/sh /payload/command </dev/null >"$(port output)" 2>&1 3>&-
code=$?
[ ! -e $UNRECLAIM_RESULT ] || $b cat $UNRECLAIM_RESULT >"$(port result)"
read -r uptime _ </proc/uptime
echo "ended $code $uptime" >&3
exec 3>&-
$b reboot -f
