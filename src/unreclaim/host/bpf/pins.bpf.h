/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pins: every folio on the LRU lists of the cgroups that user space asks for. */
#define PIN_STEPS 2000
#define CLASSIC 5           /* NR_LRU_LISTS; the last, of unevictable pages, is no list since 5.18 */
#define LIST_HEAD_BYTES 16
#define POISONED(pointer) ((__u64)(pointer) >> 48 == 0xdead)
#define FLAG_BITS 7UL       /* of page->memcg_data, and of page->mapping below 4 */
#define PAGE_WORDS 8

ARRAY(struct pin_walk, 1, pin_walks);
ARRAY(struct target, TARGETS, targets);
ARRAY(struct pin, PINS, pin_records);

/* The members of a page that are looked at lie in its first 64 bytes, which are read at once. */
static __always_inline __u64 lru_at(void)
{
	return bpf_core_type_exists(struct folio) ? AT(struct folio, lru) : AT(struct page, lru);
}

static __always_inline __u64 mapping_of(const __u64 *words)
{
	__u64 at = bpf_core_type_exists(struct folio) ? AT(struct folio, mapping) : AT(struct page, mapping);
	return words[at / 8 & (PAGE_WORDS - 1)];
}

/* The css that a page is charged to; 0 for kernel memory and what was reparented. */
static __always_inline __u64 css_of(const __u64 *words)
{
	__u64 at;
	if (bpf_core_type_exists(struct folio))
		at = AT(struct folio, memcg_data);
	else if (HAS(struct page, memcg_data))
		at = AT(struct page, memcg_data);
	else
		at = AT(struct page___pointer, mem_cgroup);
	__u64 data = words[at / 8 & (PAGE_WORDS - 1)];
	return data & FLAG_BITS ? 0 : data;
}

static __always_inline __u64 pages_in(const void *page, __u64 flags)
{
	unsigned char order = 0;
	if (!(flags & 1UL << bpf_core_enum_value(enum pageflags, PG_head)))
		return 1;
	if (bpf_core_type_exists(struct folio___order) && HAS(struct folio___order, _folio_order))
		READ(order, (char *)page + AT(struct folio___order, _folio_order));
	else if (HAS(struct page, compound_order))
		READ(order, (char *)page + bpf_core_type_size(struct page) + AT(struct page, compound_order));
	else if (HAS(struct folio, _flags_1))
		READ(order, (char *)page + AT(struct folio, _flags_1));
	return 1UL << (order & 31);
}

/* The path of a file, from its name upwards. */
__attribute__((noinline)) int keep_path(__u32 index, __u64 address)
{
	struct pin_walk *s = STATE(pin_walks);
	struct pin *p = bpf_map_lookup_elem(&pin_records, &index);
	struct inode *inode = (void *)address;
	if (!s || !p)
		return 0;
	if (s->known_mapping == p->mapping && s->known_inode == p->inode) {
		p->form = KNOWN;
		return 0;
	}
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *top = BPF_CORE_READ(inode, i_sb, s_root);
	p->form = DETACHED;
	if (!alias)
		return 0;
	__u64 at = HAS(struct dentry, d_u.d_alias) ? AT(struct dentry, d_u.d_alias) : AT(struct dentry___unnamed, d_alias);
	struct dentry *entry = (void *)((char *)alias - at);
	for (int i = 0; i < LEVELS; i++) {
		if (entry == top) {
			p->form = WHOLE;
			break;
		}
		__u32 length = keep_text(s->text, BPF_CORE_READ(entry, d_name.name));
		if (!length)
			return 1;
		s->text += length;
		p->names = i + 1;
		struct dentry *parent = BPF_CORE_READ(entry, d_parent);
		if (!parent || parent == entry)
			break;
		entry = parent;
		if (i == LEVELS - 1)
			p->form = TOO_DEEP;
	}
	s->known_mapping = p->mapping;
	s->known_inode = p->inode;
	return 0;
}

/* Whose memory map a vma belongs to. */
__attribute__((noinline)) int keep_owner(__u32 index, __u64 address)
{
	struct pin *p = bpf_map_lookup_elem(&pin_records, &index);
	struct vm_area_struct *vma = (void *)address;
	if (!p)
		return 0;
	struct task_struct *task = BPF_CORE_READ(vma, vm_mm, owner);
	if (task) {
		p->pid = BPF_CORE_READ(task, tgid);
		bpf_probe_read_kernel(p->comm, sizeof(p->comm), INNER(struct task_struct, task, comm));
	}
	return 0;
}

__attribute__((noinline)) int keep_file(__u32 index, __u64 mapping)
{
	struct pin *p = bpf_map_lookup_elem(&pin_records, &index);
	struct address_space *space = (void *)mapping;
	if (!p)
		return 0;
	struct inode *inode = BPF_CORE_READ(space, host);
	p->inode = BPF_CORE_READ(inode, i_ino);
	p->links = BPF_CORE_READ(inode, __i_nlink);
	p->special_device = BPF_CORE_READ(inode, i_rdev);
	p->device = BPF_CORE_READ(inode, i_sb, s_dev);
	p->magic = BPF_CORE_READ(inode, i_sb, s_magic);
	p->backing = (__u64)BPF_CORE_READ(inode, i_sb, s_bdi);
	struct rb_node *node = BPF_CORE_READ(space, i_mmap.rb_leftmost);
	if (node) {
		p->mapped = 1;
		keep_owner(index, (__u64)OUTER(struct vm_area_struct, node, shared.rb));
	}
	return keep_path(index, (__u64)inode);
}

__attribute__((noinline)) int keep_anonymous(__u32 index, __u64 mapping)
{
	struct anon_vma *anon = (void *)(mapping & ~3UL);
	struct rb_node *node = BPF_CORE_READ(anon, rb_root.rb_leftmost);
	if (node) {
		struct anon_vma_chain *chain = OUTER(struct anon_vma_chain, node, rb);
		keep_owner(index, (__u64)BPF_CORE_READ(chain, vma));
	}
	return 0;
}

/* Count the folio whose words were read; 1: no room for a record. */
__attribute__((noinline)) int keep_folio(__u64 address, __u32 target)
{
	struct pin_walk *s = STATE(pin_walks);
	if (!s)
		return 1;
	__u64 mapping = mapping_of(s->words);
	__u64 flags = s->words[0]; /* the first member of every page */
	__u64 pages = pages_in((void *)address, flags);
	__u64 dirty = flags & 1UL << bpf_core_enum_value(enum pageflags, PG_dirty) ? pages : 0;
	__u64 locked = flags & 1UL << bpf_core_enum_value(enum pageflags, PG_mlocked) ? pages : 0;
	__u32 i = s->records;
	if (mapping && s->mapping == mapping && i) {
		i--;
		struct pin *same = bpf_map_lookup_elem(&pin_records, &i);
		if (same) {
			same->pages += pages;
			same->folios++;
			same->dirty_pages += dirty;
			same->locked_pages += locked;
		}
		return 0;
	}
	struct pin *p = bpf_map_lookup_elem(&pin_records, &i);
	if (!p || s->text >= TEXT - LEVELS * 64)
		return 1;
	p->target = target;
	p->mapping = mapping;
	p->pages = pages;
	p->folios = 1;
	p->dirty_pages = dirty;
	p->locked_pages = locked;
	p->inode = p->magic = p->backing = 0;
	p->device = p->special_device = p->links = p->names = p->form = p->pid = p->mapped = 0;
	p->comm[0] = 0;
	/* Low bits: 0 a file, 1 anonymous, 2 movable, 3 KSM (include/linux/page-flags.h). */
	if (mapping && !(mapping & 3)) {
		__u32 before = s->text;
		if (keep_file(i, mapping)) {
			s->text = before;
			return 1;
		}
	} else if ((mapping & 3) == 1) {
		keep_anonymous(i, mapping);
	}
	s->mapping = mapping;
	s->records = i + 1;
	return 0;
}

/* Lists of a node: the classic ones, then those of the generations (MGLRU), where the kernel has them. */
static __always_inline __u32 list_count(void)
{
	__u64 bytes = 0;
	if (HAS(struct lru_gen_folio, folios))
		bytes = SIZE(struct lru_gen_folio, folios);
	else if (HAS(struct lru_gen_folio___nested, folios))
		bytes = SIZE(struct lru_gen_folio___nested, folios);
	else if (HAS(struct lru_gen_struct, lists))
		bytes = SIZE(struct lru_gen_struct, lists);
	else if (HAS(struct lru_gen_struct___nested, lists))
		bytes = SIZE(struct lru_gen_struct___nested, lists);
	return CLASSIC + bytes / LIST_HEAD_BYTES;
}

static __always_inline __u64 list_at(__u64 node, __u32 list)
{
	__u64 lruvec = node + bpf_core_field_offset(struct mem_cgroup_per_node, lruvec);
	if (list < CLASSIC)
		return lruvec + bpf_core_field_offset(struct lruvec, lists) + list * LIST_HEAD_BYTES;
	__u64 first = lruvec + (HAS(struct lruvec, lrugen) ? AT(struct lruvec, lrugen) : 0);
	if (HAS(struct lru_gen_folio, folios))
		first += AT(struct lru_gen_folio, folios);
	else if (HAS(struct lru_gen_folio___nested, folios))
		first += AT(struct lru_gen_folio___nested, folios);
	else if (HAS(struct lru_gen_struct, lists))
		first += AT(struct lru_gen_struct, lists);
	else if (HAS(struct lru_gen_struct___nested, lists))
		first += AT(struct lru_gen_struct___nested, lists);
	return first + (list - CLASSIC) * LIST_HEAD_BYTES;
}

/* Read what a target says of itself, once; 0: it is still the one that was asked for. */
__attribute__((noinline)) int open_target(__u32 index)
{
	struct pin_walk *s = STATE(pin_walks);
	struct target *t = bpf_map_lookup_elem(&targets, &index);
	if (!s || !t)
		return 1;
	struct cgroup_subsys_state *css = (void *)t->css;
	__u32 flags = 0;
	READ(flags, INNER(struct cgroup_subsys_state, css, flags));
	if (serial_of(css) != t->serial || flags & CSS_RELEASED) {
		t->status = GONE;
		return 1;
	}
	struct mem_cgroup *memcg = OUTER(struct mem_cgroup, css, css);
	t->references = references_of(css);
	t->memory_pages = pages_of(INNER(struct mem_cgroup, memcg, memory));
	t->memsw_pages = pages_of(INNER(struct mem_cgroup, memcg, memsw));
	t->kernel_pages = kernel_pages_of(memcg);
	t->swap_references = swap_references_of(memcg);
	t->unevictable_pages = t->folios = 0;
	t->status = 0;
	s->taken = 0;
	return 0;
}

/* Find the node's next list that is not empty; 1: there is none. */
__attribute__((noinline)) int open_list(__u64 node)
{
	struct pin_walk *s = STATE(pin_walks);
	if (!s || !node)
		return 1;
	__u32 lists = list_count();
	for (int i = 0; i < 64; i++) {
		if (s->list >= lists)
			return 1;
		__u64 head = list_at(node, s->list), next = 0;
		READ(next, head);
		if (next && next != head && !POISONED(next)) {
			s->head = head;
			s->position = next;
			s->mapping = 0;
			return 0;
		}
		s->list++;
	}
	return 1;
}

/* Since 5.18: add the node's pages that are on no list because they may not be reclaimed. */
__attribute__((noinline)) int count_unevictable(__u32 index, __u64 node)
{
	struct target *t = bpf_map_lookup_elem(&targets, &index);
	void *next = 0;
	__u64 sizes = node, bytes = 0;
	if (HAS(struct mem_cgroup_per_node, lru_zone_size)) {
		bytes = SIZE(struct mem_cgroup_per_node, lru_zone_size);
		sizes += AT(struct mem_cgroup_per_node, lru_zone_size);
	} else if (HAS(struct mem_cgroup_per_node___nested, lru_zone_size)) {
		bytes = SIZE(struct mem_cgroup_per_node___nested, lru_zone_size);
		sizes += AT(struct mem_cgroup_per_node___nested, lru_zone_size);
	}
	if (!t)
		return 0;
	READ(next, list_at(node, CLASSIC - 1));
	if (!POISONED(next))
		return 0; /* before 5.18 they are on a list like all others */
	__u64 zones = bytes / (CLASSIC * 8);
	for (int i = 0; i < 8; i++) {
		unsigned long pages = 0;
		if (i >= zones)
			break;
		READ(pages, sizes + (i * CLASSIC + CLASSIC - 1) * 8);
		t->unevictable_pages += pages;
	}
	return 0;
}

static __always_inline int next_target(struct pin_walk *s)
{
	s->position = 0;
	s->node = s->list = 0;
	s->mapping = 0;
	s->target++;
	return 0;
}

__attribute__((noinline)) int pin_step(__u32 number)
{
	struct pin_walk *s = STATE(pin_walks);
	if (!s || s->done || number > PIN_STEPS)
		return 1;
	__u32 index = s->target;
	if (index >= s->targets) {
		s->done = 1;
		return 1;
	}
	struct target *t = bpf_map_lookup_elem(&targets, &index);
	if (!t)
		return 1;
	if (!s->position) {
		if (!s->node && !s->list && open_target(index))
			return next_target(s);
		struct mem_cgroup *memcg = OUTER(struct mem_cgroup, t->css, css);
		__u64 node = 0;
		READ(node, INNER(struct mem_cgroup, memcg, nodeinfo) + s->node * sizeof(node));
		if (!s->list && node)
			count_unevictable(index, node);
		if (open_list(node)) {
			s->list = 0;
			if (++s->node < s->nodes)
				return 0;
			t->status |= FINISHED;
			return next_target(s);
		}
	}
	__u64 folio = s->position - lru_at();
	bpf_probe_read_kernel(s->words, sizeof(s->words), (void *)folio);
	if (css_of(s->words) != t->css) {
		t->status |= MOVED; /* taken off the list while it was walked: what follows belongs to another */
		s->position = 0;
		s->list++;
		return 0;
	}
	if (keep_folio(folio, index))
		return 1; /* full */
	t->folios++;
	if (++s->taken >= t->limit) {
		t->status |= CUT;
		return next_target(s);
	}
	s->position = s->words[lru_at() / 8 & (PAGE_WORDS - 1)];
	if (s->position == s->head) {
		s->position = 0;
		s->list++;
	}
	return 0;
}

SEC("raw_tp/unreclaim_pins")
int find_pins(void *ctx)
{
	for (__u32 i = 0; i < PIN_STEPS; i++)
		if (pin_step(i))
			break;
	return 0;
}
