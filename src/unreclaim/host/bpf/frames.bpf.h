/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pages by their number: those that may not be reclaimed (mlock) are on no list since 5.18. All struct pages lie behind
 * one another (CONFIG_SPARSEMEM_VMEMMAP); where the first would be, a page of a file of our own tells.
 */
#define FRAME_STEPS 4000
#define FRAMES_A_STEP 4 /* so that a run looks at 16,000 pages */

ARRAY(struct frame_walk, 1, frame_walks);
ARRAY(struct frame, PINS, frame_records);

/* Keep a page that may not be reclaimed and is charged to a dying cgroup; 1: no room. */
__attribute__((noinline)) int keep_frame(__u64 page, __u64 css)
{
	struct pin_walk *s = STATE(pin_walks);
	__u32 flags = 0;
	if (!s)
		return 1;
	READ(flags, INNER(struct cgroup_subsys_state, css, flags));
	if (!(flags & CSS_DYING))
		return 0;
	__u32 i = s->records;
	if (s->head != css) {
		s->head = css;
		s->mapping = 0; /* begin a record of its own */
	}
	if (keep_folio(page, 0))
		return 1;
	struct frame *f = bpf_map_lookup_elem(&frame_records, &i);
	if (f && s->records > i) {
		f->css = css;
		f->serial = serial_of((void *)css);
	}
	return 0;
}

__attribute__((noinline)) int frame_step(__u32 number)
{
	struct frame_walk *s = STATE(frame_walks);
	struct pin_walk *p = STATE(pin_walks);
	if (!s || !p || s->next >= s->end || number > FRAME_STEPS)
		return 1;
	__u64 locked = 1UL << bpf_core_enum_value(enum pageflags, PG_mlocked) |
		       1UL << bpf_core_enum_value(enum pageflags, PG_unevictable);
	for (int i = 0; i < FRAMES_A_STEP; i++) {
		__u64 page = s->base + s->next * bpf_core_type_size(struct page);
		p->words[0] = 0;
		bpf_probe_read_kernel(p->words, sizeof(p->words), (void *)page);
		/* The low bit of the second word marks the tail of a larger page. */
		if (p->words[0] & locked && !(p->words[1] & 1)) {
			__u64 css = css_of(p->words);
			if (css && keep_frame(page, css))
				return 1;
		}
		s->next++;
	}
	return 0;
}

SEC("raw_tp/unreclaim_frames")
int find_frames(void *ctx)
{
	struct frame_walk *s = STATE(frame_walks);
	if (!s)
		return 0;
	if (!s->base) {
		struct task_struct *task = (void *)bpf_get_current_task();
		struct file **files = BPF_CORE_READ(task, files, fdt, fd);
		struct file *file = 0;
		READ(file, files + s->descriptor);
		s->base = (__u64)BPF_CORE_READ(file, f_mapping, i_pages.xa_head);
		s->page_bytes = bpf_core_type_size(struct page);
		return 0;
	}
	for (__u32 i = 0; i < FRAME_STEPS; i++)
		if (frame_step(i))
			break;
	return 0;
}
