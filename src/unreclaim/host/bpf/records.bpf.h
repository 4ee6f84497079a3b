/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space reads and writes; host/bpf/records.py has the same structures. All are arrays mapped into memory. */
#define LEVELS 64 /* cgroups in one another, and directories on a path */
#define DYING 4096
#define TARGETS 4096
#define PINS 4096
#define HOLDERS 1024
#define TEXT (1 << 18) /* bytes of names for each run */
#define NAME 256       /* NAME_MAX and the final zero */
#define ID 32          /* a systemd invocation id in hexadecimal */

/* Names end in a zero byte and follow one another. */
struct text { char bytes[TEXT + NAME]; };

/* One dying css. references -1: not exact. kernel_pages -1: this kernel does not count them apart. */
struct dying {
	__u64 css, serial, id, parent_id;
	__s64 references, memory_pages, memsw_pages, kernel_pages;
	__u64 stirred_ns, swap_references;
	char invocation[ID];
};
struct level { __u64 css, serial; };
struct walk {
	__u64 seek;
	__u32 depth, records, text, done, resumed, spare;
	struct level trail[LEVELS]; /* trail[depth] is where the walk stands; those before it are its ancestors */
};

/* A cgroup whose pins are asked for (css, serial), and what was found of it. */
struct target {
	__u64 css, serial;
	__s64 references, memory_pages, memsw_pages, kernel_pages;
	__u64 swap_references, unevictable_pages, folios;
	__u32 limit, status;
};
enum { FINISHED = 1, MOVED = 2, CUT = 4, GONE = 8 };

/* Folios of one mapping that are charged to one target. Its path, from the file's name upwards, is `names` names. */
struct pin {
	__u64 mapping, inode, pages, folios, dirty_pages, locked_pages, magic, backing;
	__u32 device, special_device, links, mapped, pid;
	char comm[16];
	__u32 target, names, form;
};
enum { WHOLE = 0, TOO_DEEP = 1, DETACHED = 2, KNOWN = 3 };
struct pin_walk {
	__u64 position, head, mapping, known_mapping, known_inode;
	__u32 target, targets, node, nodes, list, records, text, done, taken, spare;
	__u64 words[8];
};

/*
 * What keeps a dying cgroup and is no page: an unreaped process (descriptor -1), a socket, an inotify or fanotify group;
 * or (v2) the structure that gathers its dirty files on a device, whose number is in place of a process's name.
 */
struct holder { __u64 css, serial; __s32 pid, parent, descriptor, kind; char comm[16]; };
enum { PROCESS = 1, SOCKET = 2, WATCH = 3, WRITEBACK = 4 };
struct writeback_walk { __u64 first, device, position; __u32 records, done, devices, spare; };
struct holder_walk { __u64 first, task, start_time; __u32 descriptor, records, done, restarted; };

/* Pages by their number in memory: for those that are on no list. */
struct frame { __u64 css, serial; };
struct frame_walk { __u64 base, next, end, descriptor, page_bytes; };
