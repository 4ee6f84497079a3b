/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is read of the kernel's structures, and no more. Offsets come from the running kernel's BTF (CO-RE); a name with
 * ___ is another kernel's form of the same structure. A member that only some kernels have is asked for by HAS().
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head { struct list_head *next, *prev; };
struct rb_node { struct rb_node *rb_right, *rb_left; };
struct rb_root { struct rb_node *rb_node; };
struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };
typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { atomic_t refs; } refcount_t;

/* ── cgroups ── */
struct percpu_ref_data { atomic_long_t count; };
struct percpu_ref { unsigned long percpu_count_ptr; struct percpu_ref_data *data; };
struct simple_xattr { struct rb_node rb_node; char *name; unsigned long size; char value[]; };
struct simple_xattr___list { struct list_head list; char *name; unsigned long size; char value[]; }; /* before 6.2 */
struct simple_xattrs { struct rb_root rb_root; };
struct simple_xattrs___list { struct list_head head; };
struct kernfs_iattrs { struct simple_xattrs xattrs; };
struct kernfs_node { const char *name; __u64 id; struct kernfs_iattrs *iattr; };
struct psi_group { __u64 avg_last_update; };
struct cgroup { struct kernfs_node *kn; struct psi_group *psi; };
struct cgroup___embedded { struct psi_group psi; }; /* before 6.1 */
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
struct mem_cgroup_id { refcount_t ref; };
struct mem_cgroup_private_id { refcount_t ref; }; /* since 7.x */
/* Arrays of arrays are one array or several in BTF, as pahole was when the kernel was built; sizes are the kernel's. */
struct lru_gen_folio { struct list_head folios[1]; }; /* 6.3 */
struct lru_gen_folio___nested { struct list_head folios[1][1][1]; };
struct lru_gen_struct { struct list_head lists[1]; }; /* 6.1, 6.2 */
struct lru_gen_struct___nested { struct list_head lists[1][1][1]; };
struct lruvec { struct list_head lists[5]; struct lru_gen_folio lrugen; };
struct mem_cgroup_per_node { struct lruvec lruvec; unsigned long lru_zone_size[1]; };
struct mem_cgroup_per_node___nested { unsigned long lru_zone_size[1][1]; };
struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct mem_cgroup_id id;
	struct page_counter memory, memsw, kmem;
	struct mem_cgroup_per_node *nodeinfo[];
};
struct css_set { struct cgroup_subsys_state *subsys[1]; };
enum cgroup_subsys_id { memory_cgrp_id = 4 };

/* ── files ── */
struct qstr { const unsigned char *name; };
struct super_block;
struct dentry { struct dentry *d_parent; struct super_block *d_sb; struct qstr d_name; union { struct hlist_node d_alias; } d_u; };
struct dentry___unnamed { struct hlist_node d_alias; }; /* since 7.x */
struct super_block { __u32 s_dev; struct backing_dev_info *s_bdi; unsigned long s_magic; struct dentry *s_root; };
struct inode {
	unsigned long i_ino;
	__u32 i_rdev;
	struct super_block *i_sb;
	unsigned int __i_nlink;
	struct hlist_head i_dentry;
};
struct xarray { void *xa_head; };
struct address_space { struct inode *host; struct xarray i_pages; struct rb_root_cached i_mmap; };
struct path { struct dentry *dentry; };
struct file { struct path f_path; struct inode *f_inode; struct address_space *f_mapping; void *private_data; };
struct fdtable { unsigned int max_fds; struct file **fd; };
struct fs_struct { struct path root; };
struct files_struct { struct fdtable *fdt; };
struct sock { struct mem_cgroup *sk_memcg; };
struct socket { struct sock *sk; };
struct socket_alloc { struct socket socket; struct inode vfs_inode; };
struct backing_dev_info;
struct bdi_writeback { struct backing_dev_info *bdi; struct list_head bdi_node; struct cgroup_subsys_state *memcg_css; };
struct backing_dev_info { struct list_head bdi_list; struct list_head wb_list; struct bdi_writeback wb; char dev_name[64]; };
struct fsnotify_group { struct mem_cgroup *memcg; };

/* ── pages: a folio since 5.16; before it a page, which until 5.11 pointed to its cgroup itself ── */
struct folio { unsigned long flags, _flags_1; struct list_head lru; struct address_space *mapping; unsigned long memcg_data; };
struct folio___order { unsigned char _folio_order; }; /* 6.2 to 6.5 */
struct page { struct list_head lru; struct address_space *mapping; unsigned long memcg_data; unsigned char compound_order; };
struct page___pointer { struct mem_cgroup *mem_cgroup; };
enum pageflags { PG_dirty = 4, PG_head = 6, PG_unevictable = 19, PG_mlocked = 20 };

/* ── processes ── */
struct task_struct;
struct mm_struct { struct task_struct *owner; };
struct vm_area_struct { struct mm_struct *vm_mm; struct { struct rb_node rb; } shared; };
struct anon_vma { struct rb_root_cached rb_root; };
struct anon_vma_chain { struct vm_area_struct *vma; struct rb_node rb; };
struct task_struct {
	int tgid;
	char comm[16];
	__u64 start_time;
	struct list_head tasks;
	struct task_struct *real_parent, *group_leader;
	struct css_set *cgroups;
	struct files_struct *files;
	struct fs_struct *fs;
};
#pragma clang attribute pop

#define CSS_RELEASED 4 /* include/linux/cgroup-defs.h */
#define CSS_DYING 16   /* set by rmdir(2) itself */

/*
 * Offsets are numbers that libbpf writes into the program. KEEP() stops the compiler from moving one out of the branch
 * that asked whether this kernel has the member: the verifier refuses a program that reaches an unknown one.
 */
#define KEEP(number) ({ __u64 kept = (number); asm volatile("" : "+r"(kept)); kept; })
#define AT(type, member) KEEP(bpf_core_field_offset(type, member))
#define SIZE(type, member) KEEP(bpf_core_field_size(type, member))
#define HAS(type, member) bpf_core_field_exists(((type *)0)->member)
#define OUTER(type, pointer, member) ((type *)((char *)(pointer) - bpf_core_field_offset(type, member)))
#define INNER(type, pointer, member) ((void *)((char *)(pointer) + bpf_core_field_offset(type, member)))
#define READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), (const void *)(from))
#define ARRAY(value_type, number, map_name) \
	struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, number); \
		 __type(key, __u32); __type(value, value_type); } map_name SEC(".maps")

/* Give the state of a program: the only entry of its map, of which the verifier knows nothing. */
#define STATE(map_name) ({ __u32 zero = 0; bpf_map_lookup_elem(&map_name, &zero); })
