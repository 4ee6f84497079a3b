#!/bin/sh
# Writes what "unreclaim diagnose" reads on this host to one file, on a host that has no Python for it.
#
# The bundle is the one that "unreclaim capture" writes (docs/bundle.md): figures of the kernel and names of cgroups,
# no environment and no process's command line. The script changes nothing on the host. While it runs it keeps one
# directory below TMPDIR, open to its owner alone, and removes it when it ends, by a signal too.
#
# How it reads: find lists the cgroups, one grep reads all files and puts the path before each line, and awk makes a
# tar archive of these lines. So nothing is started per cgroup or per file, no cgroup is copied to disk as a directory,
# and no size is asked of a pseudo-file, which would say 0.
#
# It keeps to POSIX and to what busybox has, and does not run before it was read to its last line.
#
# Most functions are called through "await":
# shellcheck disable=SC2317,SC2329

usage() {
    cat <<'END'
Usage: sh capture.sh [-o FILE] [-n SAMPLES] [-s SECONDS]

Write everything that a diagnosis reads to one file, to be read elsewhere: unreclaim diagnose --root FILE

  -o FILE      where to write; - is stdout
               [default: stdout, or unreclaim-HOST.tar.gz if stdout is a terminal]
  -n SAMPLES   how many samples to take, 1 to 1000; two or more show growth [default: 1]
  -s SECONDS   time between two samples [default: 30]
  -h           show this help

Example:
  sh capture.sh -o web-07.tar.gz
  ssh root@old-host sh -s -- -n 2 -s 60 < capture.sh > old-host.tar.gz

Exit codes: 0 written, 64 wrong usage, 69 not Linux or a tool is missing, 73 cannot write,
129 and above: ended by a signal.
END
}

# say TEXT: to the caller's stderr; what the tools complain about is kept aside, see await.
say() {
    printf '%s\n' "$*" >&9
}

# die CODE TEXT [HINT]
die() {
    say "unreclaim: $2"
    [ -z "${3-}" ] || say "hint: $3"
    exit "$1"
}

die_usage() {
    die 64 "$1" 'sh capture.sh -h'
}

die_no_output() {
    die 73 "$1" 'choose another place with: -o FILE'
}

die_no_place() {
    die 73 "$places: $1" 'name another place: TMPDIR=/somewhere sh capture.sh'
}

die_no_room() {
    complaint=$(tail -n 1 "$work/errors" 2>/dev/null)
    die_no_place "${complaint:-no room left, or no longer writable}"
}

# clean_up: called by a trap.
clean_up() {
    trap '' HUP INT PIPE TERM
    if [ "$!" != "$ended" ]; then
        kill "$!"
        wait "$!"
    fi 2>/dev/null
    [ -z "$part" ] || rm -f "$part"
    [ -n "$work" ] || return
    # What a step has started may outlive it by a moment and write its last file.
    for attempt in 0 1 2 3 4 5 6 7 8 9; do
        rm -rf "$work" 2>/dev/null && break
        sleep 1
    done
}

# await COMMAND [ARGUMENT...]: run it as a process of its own; if it fails, end as it did.
# A signal so meets this shell while it waits and does nothing else. In the middle of something else bash would not
# always survive its trap: it can fail to parse $(...), or wait for ever for half a pipe.
await() {
    ("$@") 2>>"$work/errors" &
    wait "$!"
    code=$?
    ended=$!
    [ "$code" -eq 0 ] || exit "$code"
}

# need_room KILOBYTES: what cannot be asked is not refused; a write that fails later is noticed too.
need_room() {
    # Blanks may be in the last column, so the free room is told from the percentage after it.
    free=$(df -Pk "$work" 2>/dev/null | awk '
        NR == 2 { for (i = 3; i <= NF; i++) if ($i ~ /^[0-9]+%$/) { print $(i - 1); exit } }
    ')
    case $free in
    '' | *[!0-9]*) ;;
    *) [ "$free" -ge "$1" ] || die_no_place "$1 kB are needed, $free kB are free" ;;
    esac
}

# make_places: the working directory, and the file that becomes the bundle when it is complete.
make_places() {
    for attempt in 0 1 2 3 4 5 6 7 8 9; do
        mkdir "$places/unreclaim-$$-$attempt" 2>/dev/null || continue
        work=$places/unreclaim-$$-$attempt
        break
    done
    [ -n "$work" ] || die_no_place 'cannot make a directory there'
    make_empty errors
    if [ "$output" = - ]; then
        exec 8>&1
        return
    fi
    [ ! -e "$output" ] || [ -f "$output" ] || die_no_output "$output: exists and is no file"
    case $output in
    */*) directory=${output%/*}/ ;;
    *) directory=./ ;;
    esac
    for attempt in 0 1 2 3 4 5 6 7 8 9; do
        # With -C a file that exists is never written to, nor a link followed.
        (set -C && : >"$directory.unreclaim-$$-$attempt") 2>/dev/null || continue
        part=$directory.unreclaim-$$-$attempt
        break
    done
    [ -n "$part" ] || die_no_output "$output: cannot write there"
    # Opened here and never again, so that no process that is late can make it anew when it was removed.
    exec 8>"$part"
}

# make_empty NAME...: make or empty files in the working directory.
make_empty() {
    for name; do
        # Not ":", which ends the shell if the file cannot be opened.
        { true >"$work/$name"; } 2>/dev/null || die_no_room
    done
}

# find_hierarchies: a line for each cgroup hierarchy: v2, memory (v1), other (v1) or named (v1, no controller), a tab,
# and where it is mounted. It may be mounted more than once; the widest view counts. Memory comes first.
find_hierarchies() {
    awk '
        # The kernel writes space, tab, newline and backslash in octal.
        function plain(text,    done) {
            while (match(text, /\\[0-3][0-7][0-7]/)) {
                done = done substr(text, 1, RSTART - 1) sprintf("%c", substr(text, RSTART + 1, 1) * 64 \
                    + substr(text, RSTART + 2, 1) * 8 + substr(text, RSTART + 3, 1))
                text = substr(text, RSTART + 4)
            }
            return done text
        }
        FILENAME == ARGV[1] { controller[$1] = 1; next }
        {
            for (dash = 7; dash < NF && $dash != "-"; dash++)
                ;
            type = $(dash + 1)
            if (type != "cgroup" && type != "cgroup2" || ($3 in root) && length($4) >= length(root[$3]))
                next
            if (!($3 in root))
                device[++devices] = $3
            root[$3] = $4
            place[$3] = plain($5)
            kind[$3] = type == "cgroup2" ? "v2" : "named"
            options = type == "cgroup" ? split($(dash + 3), option, ",") : 0
            for (i = 1; i <= options; i++)
                if (option[i] in controller && kind[$3] != "memory")
                    kind[$3] = option[i] == "memory" ? "memory" : "other"
        }
        END {
            for (memory = 1; memory >= 0; memory--)
                for (i = 1; i <= devices; i++)
                    if ((kind[device[i]] == "memory") == memory && place[device[i]] !~ /\n/)
                        print kind[device[i]] "\t" place[device[i]]
        }
    ' "$work/cgroups" /proc/self/mountinfo >"$work/hierarchies"
}

# list_cgroups DIRECTORY: its path and those below it, a line each; what would break a line becomes a question mark.
list_cgroups() {
    find "$1" -type d -print0 2>/dev/null | tr '\n\001\000' '??\n'
}

# same_memory_row: tell whether the kernel still counts as many memory cgroups as before the walk.
same_memory_row() {
    [ "$(grep '^memory[[:blank:]]' "$work/cgroups")" = "$(grep '^memory[[:blank:]]' "$work/after")" ]
}

# list_all_cgroups: walk all hierarchies; file N holds the cgroups of line N of the list of hierarchies.
# Dying memory cgroups of v1 are the kernel's count less the live directories, so both should be of one moment:
# the count is read immediately before the walk, and again after it.
list_all_cgroups() {
    for attempt in 1 2 3; do
        make_empty cgroups
        cat /proc/cgroups >"$work/cgroups" 2>/dev/null
        line=0
        while IFS=$tab read -r kind place <&3; do
            line=$((line + 1))
            make_empty "list.$line"
            [ "$kind" = named ] || list_cgroups "$place" >"$work/list.$line" || die_no_room
            if [ "$kind" = memory ]; then
                make_empty after
                cat /proc/cgroups >"$work/after" 2>/dev/null
                same_memory_row || [ "$attempt" -eq 3 ] || continue 2
            fi
        done 3<"$work/hierarchies"
        return
    done
}

# with_names LIST NAME...: the files of these names in each directory of the list.
with_names() {
    list=$1
    shift
    for name; do
        sed "s|\$|/$name|" "$list"
    done
}

# list_cgroup_files: the upper two levels of cgroups (256 at most) and the charges of all, if these are 1000 at most;
# one more tells the reader that there are too many. What does not exist is left out later.
list_cgroup_files() {
    line=0
    while IFS=$tab read -r kind place <&3; do
        line=$((line + 1))
        case $kind in
        v2) printf '%s\n' "$place/cgroup.controllers" "$place/cgroup.events" ;;
        *) printf '%s\n' "$place/cgroup.sane_behavior" ;;
        esac
        case $kind in
        v2 | memory) ;;
        *) continue ;;
        esac
        PLACE=$place awk '
            BEGIN { start = length(ENVIRON["PLACE"]) + 1 }
            { below = substr($0, start); depth = gsub("/", "/", below) }
            depth <= 2 { print depth "\t" $0 }
        ' "$work/list.$line" | sort | head -n 256 | cut -f 2- >"$work/upper" || return
        head -n 1001 "$work/list.$line" >"$work/charged" || return
        if [ "$kind" = v2 ]; then
            with_names "$work/upper" cgroup.stat memory.current memory.stat
            # Whose the pages of a cgroup are is only asked where the memory controller is on v2.
            ! grep -qw memory "$place/cgroup.controllers" 2>/dev/null ||
                with_names "$work/charged" memory.stat cgroup.stat cgroup.events
        else
            with_names "$work/upper" memory.stat memory.usage_in_bytes
            with_names "$work/charged" memory.stat memory.usage_in_bytes memory.kmem.usage_in_bytes
        fi
    done 3<"$work/hierarchies"
}

# list_files: everything that is read line by line, figures that belong together first.
list_files() {
    printf '%s\n' /proc/meminfo /proc/vmstat /proc/slabinfo /proc/uptime /proc/zoneinfo /proc/buddyinfo
    for file in /proc/pressure/*; do
        [ ! -e "$file" ] || printf '%s\n' "$file"
    done
    list_cgroup_files || return
    [ -s "$work/cgroups" ] || echo /proc/cgroups
    printf '%s\n' /proc/self/mountinfo /proc/self/cgroup /proc/1/status /proc/1/cgroup \
        /proc/cmdline /proc/version /proc/loadavg /proc/swaps /proc/filesystems \
        /proc/sys/kernel/hostname /proc/sys/kernel/osrelease /proc/sys/kernel/arch /proc/sys/kernel/random/boot_id \
        /proc/sys/vm/swappiness /proc/sys/vm/vfs_cache_pressure \
        /sys/devices/system/cpu/possible /sys/devices/system/cpu/online /sys/devices/system/node/possible \
        /etc/os-release /usr/lib/os-release /run/systemd/container /.dockerenv /run/.containerenv
    # Daemons whose own growth is mistaken for the kernel's.
    printf '%s\n' /proc/[0-9]*/comm | xargs grep -lxE 'systemd-logind|kubelet|containerd|dockerd|crio' 2>/dev/null |
        sed 's|/comm$|/status|'
    for file in /sys/block/zram*/mm_stat; do
        [ ! -e "$file" ] || printf '%s\n' "$file"
    done
}

# list_links: lines of "path -> target"; links in the last directory are caches that the kernel has merged.
list_links() {
    # find cannot print targets where it is busybox's; these names hold neither newline nor control character.
    # shellcheck disable=SC2012
    ls -ld /proc/self/ns/pid /proc/self/ns/cgroup /sys/kernel/slab/* 2>/dev/null |
        sed -n -e 's|^l.* \(/proc/self/ns/[a-z]* -> .*\)$|\1|p' -e 's|^l.* \(/sys/kernel/slab/[^:][^/]* -> .*\)$|\1|p'
}

# pack TOP [LAST]: write tar entries for what the lists in the working directory name, and for "path:line" lines from
# stdin; if LAST is given, the end of the archive too.
#
#   directories   paths of directories
#   walked        names of more lists of such paths
#   empty         paths of empty files
#   wanted        paths of files in the order in which their lines come
#   absent        (written) those of which no line came
#   tally         (written) bytes and files
#
# Every entry is preceded by one that holds its name, of any length (type L, as GNU tar writes it), so that all headers
# are alike but for a size and their check sums are quickly made. \001 stands for the byte 0, which not every awk can
# write; see seal.
pack() {
    TOP=$1 LAST=${2-} CREATED=$created WORK=$work awk '
        function sum(text,    i, total) {
            for (i = 1; i <= length(text); i++)
                total += code[substr(text, i, 1)]
            return total
        }
        function zeros(count) {
            return substr(block, 1, count)
        }
        function padding(size) {
            return zeros((512 - size % 512) % 512)
        }
        function prepare(type, name, mode) {
            before[type] = name zeros(100 - length(name)) mode nul "0000000" nul "0000000" nul
            after[type] = type zeros(100) "ustar  " zeros(248)
            fixed[type] = sum(before[type] "00000000000" nul mtime nul "        " after[type])
        }
        function header(type, size,    digits, total, i) {
            digits = sprintf("%011o", size)
            total = fixed[type]
            for (i = 1; i <= 11; i++)
                total += substr(digits, i, 1)
            print before[type] digits nul mtime nul sprintf("%06o", total) nul " " after[type]
            bytes += 512
        }
        function entry(type, path, size,    name) {
            name = top path nul
            header("L", length(name))
            print name padding(length(name))
            bytes += length(name) + length(padding(length(name)))
            header(type, size)
        }
        function finish_file(    i) {
            if (!count) {
                print want[at] "\n" >absent
                return
            }
            entry("0", want[at], size)
            for (i = 1; i <= count; i++)
                print line[i] "\n"
            print padding(size)
            bytes += size + length(padding(size))
            files++
            count = size = 0
        }
        function is_of(place) {
            return substr($0, 1, length(want[place]) + 1) == want[place] ":"
        }
        BEGIN {
            ORS = ""
            nul = "\001"
            for (block = nul; length(block) < 512; block = block block)
                ;
            for (i = 32; i < 127; i++)
                code[sprintf("%c", i)] = i
            top = ENVIRON["TOP"]
            absent = ENVIRON["WORK"] "/absent"
            mtime = sprintf("%011o", ENVIRON["CREATED"])
            prepare("L", "././@LongLink", "0000644")
            prepare("0", "unreclaim-bundle/long-name", "0000644")
            prepare("5", "unreclaim-bundle/long-name", "0000755")
            while ((getline path <(ENVIRON["WORK"] "/directories")) > 0)
                entry("5", path, 0)
            while ((getline list <(ENVIRON["WORK"] "/walked")) > 0)
                while ((getline path <list) > 0)
                    entry("5", path, 0)
            while ((getline path <(ENVIRON["WORK"] "/empty")) > 0) {
                entry("0", path, 0)
                files++
            }
            while ((getline path <(ENVIRON["WORK"] "/wanted")) > 0)
                want[++wanted] = path
            at = 1
        }
        {
            if (at > wanted || !is_of(at)) {
                for (later = at + 1; later <= wanted && !is_of(later); later++)
                    ;
                if (later > wanted)
                    next
                for (; at < later; at++)
                    finish_file()
            }
            line[++count] = substr($0, length(want[at]) + 2)
            size += length(line[count]) + 1
        }
        END {
            for (; at <= wanted; at++)
                finish_file()
            if (ENVIRON["LAST"]) {
                print block block
                bytes += 1024
            }
            printf "%.0f %d\n", bytes, files >>(ENVIRON["WORK"] "/tally")
        }
    '
}

# seal: append what pack writes to the archive.
seal() {
    tr '\001' '\000' | gzip -c >>"$work/bundle.gz" || die_no_room
}

# error_name FILE: the name, as in errno(3), of the error that a command reported.
error_name() {
    case $(tail -n 1 "$1") in
    *': No such file or directory') echo ENOENT ;;
    *': Permission denied') echo EACCES ;;
    *': Operation not permitted') echo EPERM ;;
    *': No such device') echo ENODEV ;;
    *': No such process') echo ESRCH ;;
    *': Operation not supported' | *': Not supported') echo EOPNOTSUPP ;;
    *': Invalid argument') echo EINVAL ;;
    *': Cannot allocate memory' | *': Out of memory') echo ENOMEM ;;
    *': No space left on device' | *': Disk quota exceeded' | *': File too large') echo ENOSPC ;;
    *) echo EIO ;;
    esac
}

# look_again: find out why no line came of the files in the list: they are gone, empty or not to be read.
look_again() {
    while IFS= read -r path <&3; do
        case $path in
        # Of cgroup files there may be thousands, and not every kernel has each.
        */memory.* | */cgroup.*) [ -e "$path" ] || continue ;;
        esac
        if { cat "$path" >"$work/text"; } 2>"$work/error"; then
            if [ -s "$work/text" ]; then
                printf '%s\n' "$path" >>"$work/wanted"
                FILE=$path awk '{ print ENVIRON["FILE"] ":" $0 }' "$work/text" >>"$work/lines" || die_no_room
            else
                printf '%s\n' "$path" >>"$work/empty"
            fi
            continue
        fi
        name=$(error_name "$work/error")
        case $name in
        ENOSPC) die_no_room ;;
        # It does not exist, or was removed between two looks, as cgroups and processes are.
        ENOENT | ENODEV | ESRCH) ;;
        *) printf '%s %s\n' "$name" "$path" >>"$work/unreadable" ;;
        esac
    done 3<"$work/missed"
}

# take_sample NUMBER
take_sample() {
    top=unreclaim-bundle/$(printf '%04d' "$1")
    make_empty directories walked empty wanted lines absent unreadable
    list_all_cgroups
    # The top itself is the empty path.
    {
        printf '\n'
        for place in /proc /proc/pressure /sys/block /sys/kernel/slab; do
            [ ! -d "$place" ] || printf '%s\n' "$place"
        done
    } >"$work/directories"
    printf '%s\n' "$work"/list.* >"$work/walked"
    list_links >"$work/links"
    list_files >"$work/named" || die_no_room
    awk '!seen[$0]++' "$work/named" >"$work/files" || die_no_room
    {
        if [ -s "$work/cgroups" ]; then
            echo /proc/cgroups
        fi
        sed 's| -> .*||' "$work/links"
    } >"$work/wanted"
    # The symbols are megabytes and show addresses; all that matters is whether this one is there.
    if [ -r /proc/kallsyms ]; then
        grep -qE " lru_reparent_memcg($tab|\$)" /proc/kallsyms 2>/dev/null
        case $? in
        0)
            echo /proc/kallsyms >>"$work/wanted"
            echo '/proc/kallsyms:0000000000000000 T lru_reparent_memcg' >"$work/lines"
            ;;
        1) echo /proc/kallsyms >>"$work/empty" ;;
        esac
    fi
    cat "$work/files" >>"$work/wanted" || die_no_room

    {
        sed 's|^|/proc/cgroups:|' "$work/cgroups"
        sed 's| -> |:|' "$work/links"
        cat "$work/lines"
        tr '\n' '\000' <"$work/files" | xargs -0 grep -aH '' 2>/dev/null
    } | tr '\000\001' '??' | pack "$top" | seal || exit

    mv "$work/absent" "$work/missed"
    make_empty directories walked empty wanted lines absent
    look_again
    if [ -s "$work/unreadable" ]; then
        echo /unreadable >>"$work/wanted"
        sed 's|^|/unreadable:|' "$work/unreadable" >>"$work/lines"
    fi
    tr '\000\001' '??' <"$work/lines" | pack "$top" | seal || exit
    # Where the room ended in the middle of a list, it is still missing.
    echo end >"$work/text" || die_no_room
}

# page_size: in bytes; where there is no getconf, every mapping tells it.
page_size() {
    getconf PAGESIZE 2>/dev/null || sed -n 's/^KernelPageSize: *\([0-9]*\) kB$/\1/p' /proc/self/smaps 2>/dev/null |
        awk 'NR == 1 { print $1 * 1024 }'
}

# prepare: all that is done once.
prepare() {
    need_room 16384
    make_empty bundle.gz tally cgroups hierarchies
    cat /proc/cgroups >"$work/cgroups" 2>/dev/null
    # Where nothing is mounted, or mountinfo cannot be read, there are none.
    find_hierarchies
    return 0
}

# plan_pause NUMBER: after a sample, write down how many seconds are left until the next.
plan_pause() {
    say "sample $1 of $samples"
    [ "$1" -lt "$samples" ] || return 0
    [ "$1" -ne 1 ] || need_room $(((samples - 1) * ($(wc -c <"$work/bundle.gz") / 1024 + 1) + 1024))
    left=$((created + $1 * every - $(date +%s)))
    # The clock may have been set.
    [ "$left" -le "$every" ] || left=$every
    [ "$left" -ge 0 ] || left=0
    echo "$left" >"$work/left" || die_no_room
}

# finish: add the manifest, last: an archive that was cut off has none and is refused.
finish() {
    make_empty directories walked empty
    echo /bundle.toml >"$work/wanted" || die_no_room
    size=$(page_size)
    machine=$(uname -m | tr -cd 'A-Za-z0-9_.-')
    {
        echo 'schema = "unreclaim.bundle/1"'
        echo "created_unix = $created"
        echo 'creator = "unreclaim @VERSION@ (capture.sh)"'
        [ -z "$size" ] || echo "page_size_bytes = $size"
        [ -z "$machine" ] || echo "architecture = \"$machine\""
        names=
        for number in $(seq_to "$samples"); do
            names="$names${names:+, }\"$number\""
        done
        echo "samples = [$names]"
    } | sed 's|^|/bundle.toml:|' | pack unreclaim-bundle last | seal || exit
    # A command that failed in the middle of a pipe is seen by what is missing.
    expected=$(awk '{ bytes += $1 } END { printf "%d %.0f", NR, bytes }' "$work/tally")
    found=$(gzip -dc "$work/bundle.gz" | wc -c | tr -d ' ')
    [ "$expected" = "$((2 * samples + 1)) $found" ] || die_no_room
    deliver
    report
    return 0
}

# seq_to NUMBER: the names of so many samples.
seq_to() {
    awk -v last="$1" 'BEGIN { for (i = 1; i <= last; i++) printf "%04d\n", i }'
}

# deliver: let the bundle appear, at once and complete. It is compressed anew as one piece, so that one which is cut off
# on its way is never a valid archive.
deliver() {
    if [ "$output" = - ]; then
        gzip -dc "$work/bundle.gz" | gzip -c >&8 || die 73 'stdout: cannot be written'
        return
    fi
    { gzip -dc "$work/bundle.gz" | gzip -c >&8 && mv -f "$part" "$output"; } ||
        die_no_output "$output: cannot be written"
}

report() {
    files=$(awk '{ files += $2 } END { print files + 0 }' "$work/tally")
    place=$output
    [ "$output" != - ] || place=stdout
    noun=samples
    [ "$samples" -ne 1 ] || noun=sample
    say "$place: $samples $noun, $files files"
    while read -r name path <&3; do
        case $name in
        EACCES | EPERM) say "not in it: $path ($name; capture again as root)" ;;
        *) say "not in it: $path ($name)" ;;
        esac
    done 3<"$work/unreadable"
}

is_count() {
    case $1 in
    '' | 0* | *[!0-9]* | ?????????*) return 1 ;;
    esac
}

main() {
    LC_ALL=C
    export LC_ALL
    unset GREP_OPTIONS GREP_COLOR GREP_COLORS GZIP QUOTING_STYLE
    umask 077
    exec 9>&2
    tab=$(printf '\t')
    work='' part='' ended='' output='' samples=1 every=30
    case ${TMPDIR:-/tmp} in
    /*) places=${TMPDIR:-/tmp} ;;
    *) places=./$TMPDIR ;;
    esac

    [ "${1-}" != --help ] || set -- -h
    while getopts :o:n:s:h option; do
        case $option in
        o) output=$OPTARG ;;
        n) samples=$OPTARG ;;
        s) every=$OPTARG ;;
        h)
            usage
            exit 0
            ;;
        :) die_usage "-$OPTARG wants a value" ;;
        *) die_usage "no such option: -$OPTARG" ;;
        esac
    done
    shift $((OPTIND - 1))
    [ $# -eq 0 ] || die_usage "unexpected: $1"
    { is_count "$samples" && [ "$samples" -le 1000 ]; } || die_usage '-n wants a number from 1 to 1000'
    is_count "$every" || die_usage '-s wants a number of seconds'
    [ "$(uname -s)" = Linux ] || die 69 'this host: not Linux' 'run it on the host that loses memory'
    for tool in awk cat cut date df find grep gzip head ls mkdir mv rm sed sleep sort tail tr wc xargs; do
        command -v "$tool" >/dev/null || die 69 "$tool: not found" 'the usual tools, or those of busybox, are needed'
    done
    [ -r /proc/self/stat ] || die 69 'this host: /proc is not mounted'
    if [ -z "$output" ]; then
        output=-
        [ ! -t 1 ] || output=unreclaim-$(uname -n | tr -c 'A-Za-z0-9.\n-' _).tar.gz
    fi
    case $output in
    -?*) output=./$output ;;
    esac

    # The script may be our stdin; nothing that it starts may eat it.
    exec </dev/null
    created=$(date +%s)
    # Between making a place and remembering it no signal may come.
    trap '' HUP INT PIPE TERM
    trap clean_up EXIT
    make_places
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM

    await prepare
    number=0
    while [ "$number" -lt "$samples" ]; do
        number=$((number + 1))
        await take_sample "$number"
        [ "$samples" -gt 1 ] || break
        await plan_pause "$number"
        if [ "$number" -lt "$samples" ]; then
            read -r left <"$work/left"
            await exec sleep "$left"
        fi
    done
    await finish
    exit 0
}

main "$@"
