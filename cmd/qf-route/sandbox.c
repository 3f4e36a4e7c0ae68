#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "qf/err.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000u /* x32: the same numbers with this bit mean other calls */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define OTHER_ABI UINT32_MAX
#else
#error "the filter of script workers is written for x86_64 and aarch64"
#endif

#define MEMORY_BYTES ((rlim_t)256 << 20) /* of address space, the interpreter's own included */

/* Started, reached or harmed by no script, nor by a module that it imports. */
static const uint16_t early_denied[] = {
	SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_socket, SYS_socketpair, SYS_connect, SYS_kill, SYS_tkill, SYS_tgkill,
	SYS_ptrace, SYS_process_vm_writev, SYS_unlinkat, SYS_renameat2, SYS_mkdirat, SYS_symlinkat, SYS_linkat,
#ifdef SYS_fork
	SYS_fork, SYS_vfork, SYS_unlink, SYS_rename, SYS_mkdir, SYS_rmdir, SYS_symlink, SYS_link, SYS_creat,
#endif
};

static const uint16_t sealed_allowed[] = {
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep,
	SYS_nanosleep, SYS_gettimeofday, SYS_getrandom, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction,
	SYS_sigaltstack, SYS_getpid, SYS_gettid, SYS_sched_yield, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#ifdef SYS_time
	SYS_time,
#endif
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DATA(m) ((uint32_t)offsetof(struct seccomp_data, m))
#define LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at)))
#define RETURN(v) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (v)))
#define IF(op, k, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no)))
#define DENY RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)

struct program {
	struct sock_filter code[128];
	unsigned short n;
};

static void add(struct program *p, struct sock_filter f)
{
	qf_assert(p->n < COUNT(p->code));
	p->code[p->n++] = f;
}

/* Leaves the number of the call loaded. */
static void begin(struct program *p)
{
	p->n = 0;
	add(p, LOAD(DATA(arch)));
	add(p, IF(BPF_JEQ, ARCH, 1, 0));
	add(p, RETURN(SECCOMP_RET_KILL_PROCESS));
	add(p, LOAD(DATA(nr)));
	add(p, IF(BPF_JGE, OTHER_ABI, 0, 1));
	add(p, RETURN(SECCOMP_RET_KILL_PROCESS));
}

static void when(struct program *p, uint32_t nr, struct sock_filter then)
{
	add(p, IF(BPF_JEQ, nr, 0, 1));
	add(p, then);
}

/* The low half of an argument: for descriptors and protection bits the kernel looks at no more. */
static uint32_t argument(unsigned i)
{
	return DATA(args) + i * 8 + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static void when_on(struct program *p, uint32_t nr, int fd)
{
	add(p, IF(BPF_JEQ, nr, 0, 4));
	add(p, LOAD(argument(0)));
	add(p, IF(BPF_JEQ, (uint32_t)fd, 0, 1));
	add(p, ALLOW);
	add(p, DENY);
}

static void when_not_executable(struct program *p, uint32_t nr)
{
	add(p, IF(BPF_JEQ, nr, 0, 4));
	add(p, LOAD(argument(2)));
	add(p, IF(BPF_JSET, PROT_EXEC, 1, 0));
	add(p, ALLOW);
	add(p, DENY);
}

static int install(struct program *p)
{
	struct sock_fprog prog = { p->n, p->code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0 ? -errno : 0;
}

int qf_sandbox_early(void)
{
	struct program p;

	begin(&p);
	for (size_t i = 0; i < COUNT(early_denied); i++)
		when(&p, early_denied[i], DENY);
	add(&p, ALLOW);
	return install(&p);
}

int qf_sandbox_seal(int fd)
{
	struct program p;

	begin(&p);
	when_on(&p, SYS_read, fd);
	when_on(&p, SYS_write, fd);
	when_not_executable(&p, SYS_mmap);
	when_not_executable(&p, SYS_mprotect);
	for (size_t i = 0; i < COUNT(sealed_allowed); i++)
		when(&p, sealed_allowed[i], ALLOW);
	add(&p, DENY);
	return install(&p);
}

static int limit(int what, rlim_t value)
{
	struct rlimit r = { value, value };

	return setrlimit(what, &r) != 0 ? -errno : 0;
}

int qf_sandbox_limit(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), rc = null < 0 ? -errno : 0;

	for (int i = 0; rc == 0 && i < fd; i++)
		rc = dup2(null, i) < 0 ? -errno : 0;
	if (null >= fd)
		close(null);
	rc = rc != 0 ? rc : limit(RLIMIT_CORE, 0);
	rc = rc != 0 ? rc : limit(RLIMIT_FSIZE, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger than any limit; there the deadline ends what grows */
	rc = rc != 0 ? rc : limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	return rc;
}
