// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists dying memory cgroups and what pins them.
 *
 * The programs are raw tracepoint programs that are never attached: BPF_PROG_TEST_RUN runs them once, inside one
 * rcu_read_lock() (__bpf_prog_test_run_raw_tp() in net/bpf/test_run.c, 5.10). css, dentry, inode and kernfs names are
 * freed by RCU, so nothing that is reached within one run is freed under it. A SEC("syscall") program would be sleepable
 * and have no such guarantee. Whatever is not freed by RCU (mm, vma, files) is read by bpf_probe_read_kernel(), which
 * fails instead of faulting, and is believed only after user space has looked it up in /proc.
 *
 * Loops: the verifier gives up on a loop of thousands of steps with the body in it (BPF_COMPLEXITY_LIMIT_JMP_SEQ). The
 * body is a global function, verified once, and all its state is in a map, of which the verifier knows nothing. It uses
 * its argument, or the compiler would not pass it and the verifier would refuse the call.
 *
 * A run does a bounded number of steps, so that a section of rcu_read_lock() stays at a few milliseconds; user space
 * calls again until `done`. Between two runs anything may be freed: serial numbers and start times tell.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel.bpf.h"
#include "records.bpf.h"

ARRAY(struct text, 1, texts);

/* Append a name to the text of a run, and give its length with the final zero; 0: no room. */
static __always_inline __u32 keep_text(__u32 used, const void *name)
{
	struct text *t = STATE(texts);
	if (!t || used >= TEXT)
		return 0;
	long length = bpf_probe_read_kernel_str(&t->bytes[used & (TEXT - 1)], NAME, name);
	if (length > 0)
		return length;
	t->bytes[used & (TEXT - 1)] = 0; /* unreadable: an empty name */
	return 1;
}

#include "walk.bpf.h"
#include "pins.bpf.h"
#include "frames.bpf.h"
#include "holders.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
