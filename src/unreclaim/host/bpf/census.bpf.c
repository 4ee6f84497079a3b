// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists dying memory cgroups and the page cache that pins them.
 *
 * The programs are raw tracepoint programs that are never attached: BPF_PROG_TEST_RUN runs them once, inside one
 * rcu_read_lock() (__bpf_prog_test_run_raw_tp() in net/bpf/test_run.c, 5.10). css, dentry, inode and kernfs names are
 * freed by RCU, so nothing that is reached within one run is freed under it. A SEC("syscall") program would be sleepable
 * and have no such guarantee.
 *
 * Loops: the verifier gives up on a loop of thousands of steps with the body in it (BPF_COMPLEXITY_LIMIT_JMP_SEQ). The
 * body is a global function, verified once, and all its state is in a map, of which the verifier knows nothing. It uses
 * its argument, or the compiler would not pass it and the verifier would refuse the call.
 *
 * A run does at most STEPS steps, so that a section of rcu_read_lock() stays at a few milliseconds; user space calls
 * again until `done`. Between two runs a css may be freed: its serial number tells.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* ── what is read of the kernel's structures; offsets come from the running kernel's BTF ── */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head { struct list_head *next, *prev; };
typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { atomic_t refs; } refcount_t;
struct percpu_ref_data { atomic_long_t count; };
struct percpu_ref { unsigned long percpu_count_ptr; struct percpu_ref_data *data; };
struct kernfs_node { const char *name; __u64 id; };
struct cgroup { struct kernfs_node *kn; };
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct percpu_ref refcnt;
	struct list_head sibling;
	struct list_head children;
	unsigned int flags;
	__u64 serial_nr;
	struct cgroup_subsys_state *parent;
};
struct page_counter { atomic_long_t usage; };
struct mem_cgroup_id { int id; refcount_t ref; };
struct lruvec { struct list_head lists[5]; };
struct mem_cgroup_per_node { struct lruvec lruvec; };
struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct mem_cgroup_id id;
	struct page_counter memory;
	struct page_counter memsw;
	struct page_counter kmem;
	struct mem_cgroup_per_node *nodeinfo[];
};
struct css_set { struct cgroup_subsys_state *subsys[1]; };
struct task_struct { struct css_set *cgroups; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };
struct super_block { __u32 s_dev; unsigned long s_magic; };
struct inode {
	unsigned long i_ino;
	__u32 i_rdev;
	struct super_block *i_sb;
	unsigned int __i_nlink;
	struct hlist_head i_dentry;
};
struct qstr { const unsigned char *name; };
struct dentry { struct dentry *d_parent; struct qstr d_name; union { struct hlist_node d_alias; } d_u; };
struct address_space { struct inode *host; };
struct folio { unsigned long _flags_1; struct list_head lru; struct address_space *mapping; unsigned long memcg_data; };
#pragma clang attribute pop
enum cgroup_subsys_id { memory_cgrp_id = 4 };
enum pageflags { PG_dirty = 4, PG_head = 6 };

#define CSS_DYING 16 /* include/linux/cgroup-defs.h; set by rmdir itself */
#define STEPS 2000
#define DYING 4096
#define PINS 1024
#define SLOTS 16
#define SLOT 128 /* a container layer is a name of 64 characters */
#define LISTS 4 /* LRU_UNEVICTABLE, the fifth, is no list since 5.18 */
#define CHARGED_TO_FLAGS 7UL /* MEMCG_DATA_OBJEXTS, MEMCG_DATA_KMEM and one to spare */

/* ── what user space reads; host/bpf/records.py knows the layout ── */
struct dying {
	__u64 css, serial, id, parent_id;
	__s64 references, memory_pages, memsw_pages, kernel_pages;
	__u32 swap_references, spare;
	char name[256];
};
struct census_state { __u64 root, cursor, cursor_serial; __u32 n, done, steps, lost; };
struct pin {
	__u64 target, mapping, inode, pages, folios, dirty_pages, magic;
	__u32 device, special_device, links, slots;
	char path[SLOTS][SLOT];
};
struct target { __u64 css, serial; };
struct pin_state {
	__u64 position, head, mapping, steps;
	__u32 target, targets, node, nodes, list, n, done, stale, taken, limit, cut, moved;
};

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
	 __type(value, struct census_state); } census_states SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, DYING);
	 __type(key, __u32); __type(value, struct dying); } census_records SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
	 __type(value, struct pin_state); } pin_states SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, DYING);
	 __type(key, __u32); __type(value, struct target); } pin_targets SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, PINS);
	 __type(key, __u32); __type(value, struct pin); } pin_records SEC(".maps");

#define OUTER(type, pointer, member) ((type *)((char *)(pointer) - bpf_core_field_offset(type, member)))
#define INNER(type, pointer, member) ((void *)((char *)(pointer) + bpf_core_field_offset(type, member)))

/* ── the census: every css of the memory controller, parents before children ── */
__attribute__((noinline)) int keep_dying(__u64 address, __u32 flags)
{
	__u32 zero = 0;
	struct census_state *s = bpf_map_lookup_elem(&census_states, &zero);
	struct cgroup_subsys_state *css = (void *)address;
	if (!s)
		return 1;
	__u32 i = s->n;
	struct dying *r = bpf_map_lookup_elem(&census_records, &i);
	if (!r)
		return 1; /* full: user space empties it and comes back */
	struct mem_cgroup *m = OUTER(struct mem_cgroup, css, css);
	r->css = address;
	r->serial = BPF_CORE_READ(css, serial_nr);
	r->id = BPF_CORE_READ(css, cgroup, kn, id);
	r->parent_id = BPF_CORE_READ(css, parent, cgroup, kn, id);
	/* Exact only in atomic mode (the low bit), in which a killed css always is. */
	r->references = BPF_CORE_READ(css, refcnt.percpu_count_ptr) & 1 ?
			BPF_CORE_READ(css, refcnt.data, count.counter) : -1;
	r->memory_pages = BPF_CORE_READ(m, memory.usage.counter);
	r->memsw_pages = BPF_CORE_READ(m, memsw.usage.counter);
	r->kernel_pages = BPF_CORE_READ(m, kmem.usage.counter);
	r->swap_references = BPF_CORE_READ(m, id.ref.refs.counter);
	r->name[0] = 0;
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), BPF_CORE_READ(css, cgroup, kn, name));
	/* A record whose css changed while it was filled is none. */
	if (BPF_CORE_READ(css, serial_nr) != r->serial || BPF_CORE_READ(css, flags) != flags)
		s->lost++;
	else
		s->n = i + 1;
	return 0;
}

__attribute__((noinline)) int census_step(__u32 number)
{
	__u32 zero = 0;
	struct census_state *s = bpf_map_lookup_elem(&census_states, &zero);
	if (!s || s->done)
		return 1;
	struct cgroup_subsys_state *css = (void *)s->cursor;
	s->steps = number;
	__u32 flags = BPF_CORE_READ(css, flags);
	if (flags & CSS_DYING && keep_dying((__u64)css, flags))
		return 1;
	struct list_head *next = BPF_CORE_READ(css, children.next);
	if (next && (void *)next != INNER(struct cgroup_subsys_state, css, children)) {
		s->cursor = (__u64)OUTER(struct cgroup_subsys_state, next, sibling);
		return 0;
	}
	for (int i = 0; i < 64; i++) {
		struct cgroup_subsys_state *parent = BPF_CORE_READ(css, parent);
		if (!parent || (__u64)css == s->root) {
			s->done = 1;
			return 1;
		}
		next = BPF_CORE_READ(css, sibling.next);
		if ((void *)next != INNER(struct cgroup_subsys_state, parent, children)) {
			s->cursor = (__u64)OUTER(struct cgroup_subsys_state, next, sibling);
			return 0;
		}
		css = parent;
	}
	s->done = 2; /* deeper than any hierarchy should be */
	return 1;
}

SEC("raw_tp/unreclaim_census")
int census(void *ctx)
{
	__u32 zero = 0;
	struct census_state *s = bpf_map_lookup_elem(&census_states, &zero);
	if (!s)
		return 0;
	if (!s->root) {
		struct task_struct *task = (void *)bpf_get_current_task();
		struct css_set *set = BPF_CORE_READ(task, cgroups);
		__u64 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
		struct cgroup_subsys_state *css = 0;
		bpf_probe_read_kernel(&css, sizeof(css), INNER(struct css_set, set, subsys) + index * sizeof(css));
		for (int i = 0; i < 64; i++) {
			struct cgroup_subsys_state *parent = BPF_CORE_READ(css, parent);
			if (!parent)
				break;
			css = parent;
		}
		s->root = s->cursor = (__u64)css;
	} else {
		struct cgroup_subsys_state *css = (void *)s->cursor;
		if (BPF_CORE_READ(css, serial_nr) != s->cursor_serial) {
			s->done = 3; /* freed between two runs: user space begins again */
			return 0;
		}
	}
	for (__u32 i = 0; i < STEPS; i++)
		if (census_step(i))
			break;
	struct cgroup_subsys_state *css = (void *)s->cursor;
	s->cursor_serial = BPF_CORE_READ(css, serial_nr);
	return 0;
}

/* ── the pins: every folio on the LRU lists of the cgroups that user space asks for ── */
__attribute__((noinline)) int keep_path(__u32 index, __u64 address)
{
	struct pin *p = bpf_map_lookup_elem(&pin_records, &index);
	struct inode *inode = (void *)address;
	if (!p)
		return 0;
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);
	if (!alias)
		return 0;
	struct dentry *entry = OUTER(struct dentry, alias, d_u.d_alias);
	for (int i = 0; i < SLOTS; i++) {
		struct dentry *parent = BPF_CORE_READ(entry, d_parent);
		if (!parent || parent == entry)
			return 0;
		bpf_probe_read_kernel_str(p->path[i], SLOT, BPF_CORE_READ(entry, d_name.name));
		p->slots = i + 1;
		entry = parent;
	}
	p->slots = SLOTS + 1; /* deeper than there is room for */
	return 0;
}

__attribute__((noinline)) int next_list(__u32 leave_target)
{
	__u32 zero = 0;
	struct pin_state *s = bpf_map_lookup_elem(&pin_states, &zero);
	if (!s)
		return 1;
	s->position = 0;
	if (!leave_target && ++s->list < LISTS)
		return 0;
	s->list = 0;
	if (!leave_target && ++s->node < s->nodes)
		return 0;
	s->node = 0;
	s->taken = 0;
	s->mapping = 0;
	s->target++;
	return 0;
}

__attribute__((noinline)) int keep_folio(__u64 address)
{
	__u32 zero = 0;
	struct pin_state *s = bpf_map_lookup_elem(&pin_states, &zero);
	struct folio *folio = (void *)address;
	if (!s)
		return 1;
	__u64 mapping = (__u64)BPF_CORE_READ(folio, mapping);
	unsigned long flags = 0;
	bpf_probe_read_kernel(&flags, sizeof(flags), folio); /* first member of every folio */
	__u64 pages = 1;
	if (flags & 1UL << bpf_core_enum_value(enum pageflags, PG_head))
		pages = 1UL << (BPF_CORE_READ(folio, _flags_1) & 31);
	__u64 dirty = flags & 1UL << bpf_core_enum_value(enum pageflags, PG_dirty) ? pages : 0;
	__u32 i = s->n;
	if (mapping && s->mapping == mapping && i) {
		i--;
		struct pin *same = bpf_map_lookup_elem(&pin_records, &i);
		if (same) {
			same->pages += pages;
			same->folios++;
			same->dirty_pages += dirty;
		}
		return 0;
	}
	struct pin *p = bpf_map_lookup_elem(&pin_records, &i);
	if (!p)
		return 1;
	p->target = s->target;
	p->mapping = mapping;
	p->pages = pages;
	p->folios = 1;
	p->dirty_pages = dirty;
	p->inode = p->magic = 0;
	p->device = p->special_device = p->links = p->slots = 0;
	if (mapping && !(mapping & 3)) { /* low bits: anonymous, movable, KSM (include/linux/page-flags.h) */
		struct address_space *space = (void *)mapping;
		struct inode *inode = BPF_CORE_READ(space, host);
		p->inode = BPF_CORE_READ(inode, i_ino);
		p->links = BPF_CORE_READ(inode, __i_nlink);
		p->special_device = BPF_CORE_READ(inode, i_rdev);
		p->device = BPF_CORE_READ(inode, i_sb, s_dev);
		p->magic = BPF_CORE_READ(inode, i_sb, s_magic);
		keep_path(i, (__u64)inode);
	}
	/* The folio may have been freed meanwhile and its memory be another's. */
	if ((__u64)BPF_CORE_READ(folio, mapping) != mapping) {
		s->moved++;
		return 0;
	}
	s->mapping = mapping;
	s->n = i + 1;
	return 0;
}

__attribute__((noinline)) int pin_step(__u32 number)
{
	__u32 zero = 0;
	struct pin_state *s = bpf_map_lookup_elem(&pin_states, &zero);
	if (!s || s->done)
		return 1;
	s->steps = number;
	__u32 index = s->target;
	if (index >= s->targets) {
		s->done = 1;
		return 1;
	}
	struct target *t = bpf_map_lookup_elem(&pin_targets, &index);
	if (!t)
		return 1;
	struct cgroup_subsys_state *css = (void *)t->css;
	if (BPF_CORE_READ(css, serial_nr) != t->serial) {
		s->stale++;
		return next_list(1);
	}
	if (!s->position) {
		struct mem_cgroup *m = OUTER(struct mem_cgroup, css, css);
		struct mem_cgroup_per_node *node = 0;
		bpf_probe_read_kernel(&node, sizeof(node), INNER(struct mem_cgroup, m, nodeinfo) + s->node * sizeof(node));
		if (!node)
			return next_list(0);
		s->head = (__u64)node + bpf_core_field_offset(struct mem_cgroup_per_node, lruvec) +
			  bpf_core_field_offset(struct lruvec, lists) + s->list * sizeof(struct list_head);
		s->position = s->head;
	}
	struct list_head *next = 0;
	bpf_probe_read_kernel(&next, sizeof(next), (void *)s->position);
	if (!next || (__u64)next == s->head)
		return next_list(0);
	struct folio *folio = OUTER(struct folio, next, lru);
	if ((BPF_CORE_READ(folio, memcg_data) & ~CHARGED_TO_FLAGS) != (__u64)css) {
		s->moved++; /* taken off the list while it was walked: what follows belongs to another */
		return next_list(0);
	}
	if (keep_folio((__u64)folio))
		return 1; /* full */
	s->position = (__u64)next;
	if (++s->taken >= s->limit) {
		s->cut++;
		return next_list(1);
	}
	return 0;
}

SEC("raw_tp/unreclaim_pins")
int find_pins(void *ctx)
{
	for (__u32 i = 0; i < STEPS; i++)
		if (pin_step(i))
			break;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
