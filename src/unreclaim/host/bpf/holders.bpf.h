/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What keeps a dying cgroup and is no page: processes that nobody reaped, open sockets, inotify and fanotify groups. */
#define HOLDER_STEPS 4000
#define SOCKFS_MAGIC 0x534F434B /* include/uapi/linux/magic.h */
#define ANON_INODE_FS_MAGIC 0x09041934

ARRAY(struct holder_walk, 1, holder_walks);
ARRAY(struct holder, HOLDERS, holder_records);

/* Keep a holder if what it holds is a dying css; 1: no room. */
__attribute__((noinline)) int keep_holder(__u64 css, __u32 kind)
{
	struct holder_walk *s = STATE(holder_walks);
	__u32 flags = 0;
	if (!s || !css)
		return 0;
	READ(flags, INNER(struct cgroup_subsys_state, css, flags));
	if (!(flags & CSS_DYING))
		return 0;
	__u32 i = s->records;
	struct holder *r = bpf_map_lookup_elem(&holder_records, &i);
	if (!r)
		return 1;
	struct task_struct *task = (void *)s->task;
	r->css = css;
	r->serial = serial_of((void *)css);
	r->kind = kind;
	r->pid = BPF_CORE_READ(task, tgid);
	r->parent = BPF_CORE_READ(task, real_parent, tgid);
	r->descriptor = kind == PROCESS ? -1 : (__s32)s->descriptor;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), INNER(struct task_struct, task, comm));
	s->records = i + 1;
	return 0;
}

static __always_inline __u64 css_of_memcg(__u64 memcg)
{
	return memcg ? memcg + bpf_core_field_offset(struct mem_cgroup, css) : 0;
}

__attribute__((noinline)) int look_at_file(__u64 address)
{
	struct file *file = (void *)address;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if (magic == SOCKFS_MAGIC && HAS(struct sock, sk_memcg)) {
		struct socket_alloc *both = OUTER(struct socket_alloc, inode, vfs_inode);
		char *sock = (char *)BPF_CORE_READ(both, socket.sk);
		__u64 memcg = 0;
		READ(memcg, sock + AT(struct sock, sk_memcg));
		return keep_holder(css_of_memcg(memcg), SOCKET);
	}
	if (magic == ANON_INODE_FS_MAGIC && HAS(struct fsnotify_group, memcg)) {
		char name[12] = {};
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
		int inotify = name[0] == 'i' && name[1] == 'n' && name[2] == 'o' && name[3] == 't' && name[4] == 'i';
		int fanotify = name[0] == '[' && name[1] == 'f' && name[2] == 'a' && name[3] == 'n' && name[4] == 'o';
		if (inotify || fanotify) {
			char *group = BPF_CORE_READ(file, private_data);
			__u64 memcg = 0;
			READ(memcg, group + AT(struct fsnotify_group, memcg));
			return keep_holder(css_of_memcg(memcg), WATCH);
		}
	}
	return 0;
}

/* ── writeback: cgroups' structures stay on their device's list until the last file that they gathered is gone ── */
#define WRITEBACK_STEPS 2000

ARRAY(struct writeback_walk, 1, writeback_walks);

__attribute__((noinline)) int writeback_step(__u32 number)
{
	struct writeback_walk *s = STATE(writeback_walks);
	if (!s || s->done || number > WRITEBACK_STEPS)
		return 1;
	struct backing_dev_info *device = (void *)s->device;
	void *next = 0;
	/* Among the devices is the list's own head, which is none: a device's own structure is the first of its list. */
	if (!s->position) {
		s->position = (__u64)INNER(struct backing_dev_info, device, wb_list);
		READ(next, s->position);
		if (next != (char *)INNER(struct backing_dev_info, device, wb) + bpf_core_field_offset(struct bdi_writeback, bdi_node))
			s->position = 0;
	} else {
		READ(next, s->position);
	}
	if (s->position && next && next != INNER(struct backing_dev_info, device, wb_list)) {
		struct bdi_writeback *wb = OUTER(struct bdi_writeback, next, bdi_node);
		struct cgroup_subsys_state *css = 0;
		__u32 flags = 0, i = s->records;
		if (BPF_CORE_READ(wb, bdi) != device) {
			s->position = 0; /* freed since the last run: this device anew */
			return 0;
		}
		READ(css, (char *)wb + AT(struct bdi_writeback, memcg_css));
		READ(flags, INNER(struct cgroup_subsys_state, css, flags));
		if (css && flags & CSS_DYING) {
			struct holder *r = bpf_map_lookup_elem(&holder_records, &i);
			if (!r)
				return 1;
			r->css = (__u64)css;
			r->serial = serial_of(css);
			r->kind = WRITEBACK;
			r->pid = r->parent = r->descriptor = 0;
			bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), INNER(struct backing_dev_info, device, dev_name));
			s->records = i + 1;
		}
		s->position = (__u64)next;
		return 0;
	}
	s->position = 0;
	s->devices++;
	READ(next, INNER(struct backing_dev_info, device, bdi_list));
	s->device = (__u64)OUTER(struct backing_dev_info, next, bdi_list);
	if (!next || s->device == s->first)
		s->done = 1;
	return s->done;
}

SEC("raw_tp/unreclaim_writebacks")
int find_writebacks(void *ctx)
{
	struct writeback_walk *s = STATE(writeback_walks);
	if (!s)
		return 0;
	if (!HAS(struct bdi_writeback, memcg_css)) {
		s->done = 1;
		return 0;
	}
	if (!s->first) {
		struct task_struct *task = (void *)bpf_get_current_task();
		s->first = (__u64)BPF_CORE_READ(task, fs, root.dentry, d_sb, s_bdi);
	}
	if (!s->device)
		s->device = s->first;
	for (__u32 i = 0; i < WRITEBACK_STEPS; i++)
		if (writeback_step(i))
			break;
	return 0;
}

/* ── processes and their open files ── */
/* One process (descriptor 0) or one of its descriptors; descriptors count from 1 here. */
__attribute__((noinline)) int holder_step(__u32 number)
{
	struct holder_walk *s = STATE(holder_walks);
	if (!s || s->done || number > HOLDER_STEPS)
		return 1;
	struct task_struct *task = (void *)s->task;
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	if (s->descriptor == (__u32)-1) {
		struct css_set *set = BPF_CORE_READ(task, cgroups);
		__u64 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
		__u64 css = 0;
		READ(css, INNER(struct css_set, set, subsys) + index * sizeof(css));
		if (keep_holder(css, PROCESS))
			return 1;
		s->descriptor = 0;
		return 0;
	}
	if (table && s->descriptor < BPF_CORE_READ(table, max_fds)) {
		struct file **files = BPF_CORE_READ(table, fd);
		__u64 file = 0;
		READ(file, files + s->descriptor);
		if (file && look_at_file(file))
			return 1;
		s->descriptor++;
		return 0;
	}
	struct list_head *next = BPF_CORE_READ(task, tasks.next);
	struct task_struct *other = OUTER(struct task_struct, next, tasks);
	if (!next || (__u64)other == s->first) {
		s->done = 1;
		return 1;
	}
	s->task = (__u64)other;
	s->start_time = BPF_CORE_READ(other, start_time);
	s->descriptor = -1;
	return 0;
}

SEC("raw_tp/unreclaim_holders")
int find_holders(void *ctx)
{
	struct holder_walk *s = STATE(holder_walks);
	if (!s)
		return 0;
	struct task_struct *task = (void *)s->task;
	if (!task || BPF_CORE_READ(task, start_time) != s->start_time) {
		/* The first time, or the process has ended since the last run: begin with ourselves, who are in no such cgroup. */
		if (task)
			s->restarted++;
		task = (void *)bpf_get_current_task();
		struct task_struct *leader = BPF_CORE_READ(task, group_leader);
		s->first = s->task = (__u64)leader;
		s->start_time = BPF_CORE_READ(leader, start_time);
		s->descriptor = -1;
	}
	for (__u32 i = 0; i < HOLDER_STEPS; i++)
		if (holder_step(i))
			break;
	return 0;
}
