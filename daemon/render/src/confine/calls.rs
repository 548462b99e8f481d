//! The door to seccomp: which system calls this process may still make.
//!
//! A list of what is allowed, because nobody can list what the next kernel will add. What is not on it answers
//! `EPERM`, as if the user had not the right. Everything that reaches beyond the process is missing: sockets, other
//! programs, other processes, mounts, keys, kernel programs, asynchronous rings. Paths may be named, since `files`
//! decides which of them open. Numbers of other architectures and of the x32 interface are not on the list either.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter_all_threads,
};

/// Calls with nothing to ask about their arguments.
const ALLOWED: &[c_long] = &[
    // Open files.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_statfs,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    // Names of files; which of them open is not decided here.
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_fchmod,
    libc::SYS_umask,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_membarrier,
    libc::SYS_get_mempolicy,
    // Threads, time, signals to itself. `clone3` is answered by the other filter.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    libc::SYS_getpriority,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Older names that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[];

/// What starting a program and waiting for it needs besides.
const FOR_PROGRAMS: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_setpgid,
    libc::SYS_getpgid,
];

/// `ioctl`s that ask about an open file or mark it, none that acts on a terminal.
const IOCTLS: [u64; 4] = [libc::TCGETS, libc::FIONREAD, libc::FIOCLEX, libc::FIONBIO];

/// Names of threads and of memory, and questions.
const PRCTLS: [i32; 5] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_GET_DUMPABLE,
    libc::PR_CAPBSET_READ,
];

/// Flags of `clone` that make namespaces.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses every call that the work does not need; `programs` allows starting one, of those that `files` lets run.
pub(super) fn allow_only_work(programs: bool) -> Result<(), Error> {
    // Its flags lie in memory, where a filter cannot see them. Told that it does not exist, the C library takes
    // `clone`. This filter must come first: the other one allows nobody to install more.
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let hidden = SeccompFilter::new(
        no_clone3,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        std::env::consts::ARCH.try_into()?,
    )?;
    let work = SeccompFilter::new(
        rules(programs)?,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    for filter in [hidden, work] {
        let program: BpfProgram = filter.try_into()?;
        apply_filter_all_threads(&program)?;
    }
    Ok(())
}

fn rules(programs: bool) -> Result<Rules, Error> {
    let mut rules: Rules = ALLOWED
        .iter()
        .chain(ALLOWED_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    rules.insert(libc::SYS_ioctl, any_of(1, &IOCTLS)?);
    rules.insert(libc::SYS_prctl, any_of(0, &PRCTLS.map(|name| name as u64))?);
    // Its own limits may be read, not set.
    rules.insert(
        libc::SYS_prlimit64,
        vec![SeccompRule::new(vec![equal(0, 0)?, long(2, 0)?])?],
    );
    rules.insert(
        libc::SYS_tgkill,
        any_of(0, &[u64::from(std::process::id())])?,
    );
    if programs {
        rules.extend(FOR_PROGRAMS.iter().map(|call| (*call, Vec::new())));
        #[cfg(target_arch = "x86_64")]
        rules.extend([(libc::SYS_vfork, Vec::new()), (libc::SYS_fork, Vec::new())]);
        rules.insert(libc::SYS_clone, vec![masked(0, NEW_NAMESPACES, 0)?]);
        // A program that ends itself by a signal knows its own number, this filter does not.
        rules.remove(&libc::SYS_tgkill);
    } else {
        let thread = libc::CLONE_THREAD as u64;
        rules.insert(
            libc::SYS_clone,
            vec![masked(0, thread | NEW_NAMESPACES, thread)?],
        );
    }
    Ok(rules)
}

fn any_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, Error> {
    values
        .iter()
        .map(|value| Ok(SeccompRule::new(vec![equal(argument, *value)?])?))
        .collect()
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    let (size, same) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    Ok(SeccompCondition::new(argument, size, same, value)?)
}

fn long(argument: u8, value: u64) -> Result<SeccompCondition, Error> {
    let (size, same) = (SeccompCmpArgLen::Qword, SeccompCmpOp::Eq);
    Ok(SeccompCondition::new(argument, size, same, value)?)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, Error> {
    let same = SeccompCmpOp::MaskedEq(mask);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, same, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_out_is_on_no_list() {
        let out = [
            libc::SYS_socket,
            libc::SYS_socketpair,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_execveat,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_pidfd_open,
            libc::SYS_bpf,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_keyctl,
            libc::SYS_io_uring_setup,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_open_by_handle_at,
            libc::SYS_symlinkat,
            libc::SYS_linkat,
            libc::SYS_setsid,
            libc::SYS_chroot,
        ];
        for programs in [false, true] {
            let rules = rules(programs).unwrap();
            for call in out {
                assert!(!rules.contains_key(&call), "{call}");
            }
            assert_eq!(rules.contains_key(&libc::SYS_execve), programs);
        }
    }
}
