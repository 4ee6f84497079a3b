/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk over every css of the memory controller, parents before children, siblings by their serial numbers. */
#define WALK_STEPS 1000

ARRAY(struct walk, 1, walks);
ARRAY(struct dying, DYING, dying_records);

static __always_inline __u64 serial_of(const void *css)
{
	__u64 serial = 0;
	READ(serial, INNER(struct cgroup_subsys_state, css, serial_nr));
	return serial;
}

/* When pressure was last averaged: on v1, where nobody counts it, when the cgroup was made. */
static __always_inline __u64 stirred_ns(struct cgroup *cgroup)
{
	__u64 when = 0;
	if (HAS(struct cgroup, psi)) {
		struct psi_group *psi = 0;
		READ(psi, (char *)cgroup + AT(struct cgroup, psi));
		if (psi)
			READ(when, (char *)psi + AT(struct psi_group, avg_last_update));
	} else if (HAS(struct cgroup___embedded, psi)) {
		READ(when, (char *)cgroup + AT(struct cgroup___embedded, psi) + AT(struct psi_group, avg_last_update));
	}
	return when;
}

/*
 * trusted.invocation_id, by which systemd ties a unit's cgroup to its lines in the journal: 0, or on which side of a
 * name it is. As numbers, for a string would lie in a section of its own, whose BTF 5.10 refuses.
 */
static __always_inline int side_of_invocation(const char *name)
{
	__u64 text[3] = {};
	bpf_probe_read_kernel_str(text, sizeof(text), name);
	__u64 wanted[] = { 0x747275737465642eUL /* trusted. */, 0x696e766f63617469UL /* invocati */, 0x6f6e5f6964000000UL /* on_id */ };
	for (int i = 0; i < 3; i++) {
		__u64 word = __builtin_bswap64(text[i]);
		if (word != wanted[i])
			return word < wanted[i] ? 1 : -1;
	}
	return 0;
}

__attribute__((noinline)) int keep_invocation(__u32 index, __u64 attributes)
{
	struct dying *r = bpf_map_lookup_elem(&dying_records, &index);
	if (!r || !HAS(struct kernfs_iattrs, xattrs))
		return 0;
	char *xattrs = (char *)attributes + AT(struct kernfs_iattrs, xattrs);
	if (HAS(struct simple_xattrs, rb_root)) {
		struct rb_node *node = 0;
		READ(node, xattrs + AT(struct simple_xattrs, rb_root) + AT(struct rb_root, rb_node));
		for (int i = 0; i < 16 && node; i++) {
			char *entry = (char *)node - AT(struct simple_xattr, rb_node);
			const char *name = 0;
			READ(name, entry + AT(struct simple_xattr, name));
			int side = side_of_invocation(name);
			if (!side) {
				bpf_probe_read_kernel(r->invocation, ID, entry + AT(struct simple_xattr, value));
				return 0;
			}
			READ(node, side > 0 ? (char *)node + AT(struct rb_node, rb_right)
					    : (char *)node + AT(struct rb_node, rb_left));
		}
	} else if (HAS(struct simple_xattrs___list, head)) {
		char *head = xattrs + AT(struct simple_xattrs___list, head);
		char *link = 0;
		READ(link, head);
		for (int i = 0; i < 16 && link && link != head; i++) {
			char *entry = link - AT(struct simple_xattr___list, list);
			const char *name = 0;
			READ(name, entry + AT(struct simple_xattr___list, name));
			if (!side_of_invocation(name)) {
				bpf_probe_read_kernel(r->invocation, ID, entry + AT(struct simple_xattr___list, value));
				return 0;
			}
			READ(link, link);
		}
	}
	return 0;
}

/* Exact only in atomic mode (the low bit), in which a killed css always is. */
static __always_inline __s64 references_of(const void *css)
{
	unsigned long mode = 0;
	struct percpu_ref_data *data = 0;
	__s64 count = -1;
	char *ref = INNER(struct cgroup_subsys_state, css, refcnt);
	READ(mode, INNER(struct percpu_ref, ref, percpu_count_ptr));
	READ(data, INNER(struct percpu_ref, ref, data));
	if (mode & 1 && data)
		READ(count, INNER(struct percpu_ref_data, data, count));
	return count;
}

static __always_inline __s64 pages_of(const void *counter)
{
	__s64 pages = 0;
	READ(pages, INNER(struct page_counter, counter, usage));
	return pages;
}

static __always_inline __s64 kernel_pages_of(struct mem_cgroup *memcg)
{
	return HAS(struct mem_cgroup, kmem) ? pages_of((char *)memcg + AT(struct mem_cgroup, kmem)) : -1;
}

/* Swapped pages hold the id, and the id one reference to the css. */
static __always_inline __u64 swap_references_of(struct mem_cgroup *memcg)
{
	int count = 0;
	if (!HAS(struct mem_cgroup, id))
		return 0;
	char *id = (char *)memcg + AT(struct mem_cgroup, id);
	if (HAS(struct mem_cgroup_id, ref))
		READ(count, id + AT(struct mem_cgroup_id, ref));
	else if (HAS(struct mem_cgroup_private_id, ref))
		READ(count, id + AT(struct mem_cgroup_private_id, ref));
	return count;
}

__attribute__((noinline)) int keep_dying(__u64 address, __u32 flags)
{
	struct walk *s = STATE(walks);
	struct cgroup_subsys_state *css = (void *)address;
	if (!s)
		return 1;
	__u32 i = s->records;
	struct dying *r = bpf_map_lookup_elem(&dying_records, &i);
	if (!r)
		return 1; /* full: user space empties it and comes back */
	struct mem_cgroup *memcg = OUTER(struct mem_cgroup, css, css);
	struct cgroup *cgroup = BPF_CORE_READ(css, cgroup);
	struct kernfs_node *kn = BPF_CORE_READ(cgroup, kn);
	__u32 length = keep_text(s->text, BPF_CORE_READ(kn, name));
	if (!length)
		return 1;
	r->css = address;
	r->serial = serial_of(css);
	r->id = BPF_CORE_READ(kn, id);
	r->parent_id = BPF_CORE_READ(css, parent, cgroup, kn, id);
	r->references = references_of(css);
	r->memory_pages = pages_of(INNER(struct mem_cgroup, memcg, memory));
	r->memsw_pages = pages_of(INNER(struct mem_cgroup, memcg, memsw));
	r->kernel_pages = kernel_pages_of(memcg);
	r->swap_references = swap_references_of(memcg);
	r->stirred_ns = stirred_ns(cgroup);
	r->invocation[0] = 0;
	struct kernfs_iattrs *attributes = BPF_CORE_READ(kn, iattr);
	if (attributes)
		keep_invocation(i, (__u64)attributes);
	s->text += length;
	s->records = i + 1;
	return flags ? 0 : 1;
}

/* Let trail[depth] be a css. */
static __always_inline void stand_at(struct walk *s, __u32 depth, void *css)
{
	struct level *here = &s->trail[depth & (LEVELS - 1)];
	here->css = (__u64)css;
	here->serial = serial_of(css);
	s->depth = depth;
}

__attribute__((noinline)) int walk_step(__u32 number)
{
	struct walk *s = STATE(walks);
	if (!s || s->done || number > WALK_STEPS)
		return 1;
	__u32 depth = s->depth;
	struct level *here = &s->trail[depth & (LEVELS - 1)];
	struct cgroup_subsys_state *css = (void *)here->css;
	void *next = 0;
	/* Siblings are in the order of their serial numbers: what was seen before is passed by. */
	if (!s->seek || here->serial > s->seek) {
		s->seek = 0;
		__u32 flags = 0;
		READ(flags, INNER(struct cgroup_subsys_state, css, flags));
		if (flags & CSS_DYING && keep_dying((__u64)css, flags))
			return 1;
		void *children = INNER(struct cgroup_subsys_state, css, children);
		READ(next, children);
		if (next && next != children) {
			if (depth + 1 >= LEVELS) {
				s->done = 2; /* deeper than any hierarchy should be */
				return 1;
			}
			stand_at(s, depth + 1, OUTER(struct cgroup_subsys_state, next, sibling));
			return 0;
		}
	}
	for (int i = 0; i < LEVELS; i++) {
		if (!depth) {
			s->done = 1;
			return 1;
		}
		void *child = (void *)s->trail[depth & (LEVELS - 1)].css;
		void *parent = (void *)s->trail[(depth - 1) & (LEVELS - 1)].css;
		READ(next, INNER(struct cgroup_subsys_state, child, sibling));
		if (next && next != INNER(struct cgroup_subsys_state, parent, children)) {
			stand_at(s, depth, OUTER(struct cgroup_subsys_state, next, sibling));
			return 0;
		}
		depth--;
		s->seek = 0;
	}
	return 1;
}

/* A css of the trail was freed since the last run: go on at the next one that its nearest ancestor still has. */
__attribute__((noinline)) int find_trail_again(__u32 number)
{
	struct walk *s = STATE(walks);
	if (!s || number)
		return 0;
	__u32 depth = s->depth;
	__u64 lost = 0;
	for (int i = 0; i < LEVELS; i++) {
		struct level *here = &s->trail[depth & (LEVELS - 1)];
		__u32 flags = 0;
		READ(flags, INNER(struct cgroup_subsys_state, here->css, flags));
		if (serial_of((void *)here->css) == here->serial && !(flags & CSS_RELEASED))
			break;
		if (!depth) {
			s->done = 2;
			return 0;
		}
		lost = here->serial;
		depth--;
	}
	if (!lost)
		return 0;
	/* Where the walk was looking for its place already, that is still its place. */
	if (depth + 1 != s->depth || s->seek < lost)
		s->seek = lost;
	s->resumed++;
	s->depth = depth;
	void *css = (void *)s->trail[depth & (LEVELS - 1)].css;
	void *children = INNER(struct cgroup_subsys_state, css, children);
	void *next = 0;
	READ(next, children);
	if (next && next != children)
		stand_at(s, depth + 1, OUTER(struct cgroup_subsys_state, next, sibling));
	else
		s->seek = s->trail[depth & (LEVELS - 1)].serial; /* it was seen itself, and has no more children */
	return 0;
}

SEC("raw_tp/unreclaim_walk")
int walk_dying(void *ctx)
{
	struct walk *s = STATE(walks);
	if (!s)
		return 0;
	if (!s->trail[0].css) {
		struct task_struct *task = (void *)bpf_get_current_task();
		struct css_set *set = BPF_CORE_READ(task, cgroups);
		__u64 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
		struct cgroup_subsys_state *css = 0;
		READ(css, INNER(struct css_set, set, subsys) + index * sizeof(css));
		for (int i = 0; i < LEVELS; i++) {
			struct cgroup_subsys_state *parent = BPF_CORE_READ(css, parent);
			if (!parent)
				break;
			css = parent;
		}
		stand_at(s, 0, css);
	} else {
		find_trail_again(0);
	}
	for (__u32 i = 0; i < WALK_STEPS; i++)
		if (walk_step(i))
			break;
	return 0;
}
