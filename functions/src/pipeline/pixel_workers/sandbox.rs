//! What a worker gives up before it sees the first file: files, the network, other programs and its
//! own environment. A decoder that is taken over can then do no more than spoil its own result.

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use serde::{Deserialize, Serialize};

/// The largest result of a job, all its files together, in bytes.
const MAX_RESULT: u64 = 512 << 20;
/// Descriptors that a worker may have open: the standard ones, its socket, and two for a job.
const MAX_OPEN: u64 = 16;

/// What of the sandbox this kernel provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Landlock: no file can be opened, no port be reached.
    pub files: bool,
    /// seccomp: of all calls to the kernel only those that decoders need.
    pub calls: bool,
}

impl Confinement {
    /// What is missing, for people; none if nothing is.
    pub fn gap(&self) -> Option<&'static str> {
        match (self.files, self.calls) {
            (true, true) => None,
            (false, true) => Some(
                "this kernel has no Landlock: pictures are decoded in processes of their own, which \
                 seccomp alone keeps from files and network",
            ),
            (true, false) => Some(
                "this system allows no seccomp filters: pictures are decoded in processes of their \
                 own, which Landlock alone keeps from files and network",
            ),
            (false, false) => Some(
                "this system has neither Landlock nor seccomp: pictures are decoded in processes of \
                 their own, which are bounded in memory and time but could open files",
            ),
        }
    }
}

/// Confines this process for good. To be called while it has one thread.
pub(super) fn enter() -> io::Result<Confinement> {
    // The process that started this one may be killed while a job runs.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, MAX_RESULT)?;
    limit(Resource::Nofile, MAX_OPEN)?;
    set_no_new_privs(true)?;
    Ok(Confinement {
        files: forbid_files(),
        calls: forbid_calls(),
    })
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

fn forbid_files() -> bool {
    let abi = ABI::V7;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self);
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

fn forbid_calls() -> bool {
    let apply = || -> Option<()> {
        apply_filter(&fatal()?).ok()?;
        apply_filter(&allowed()?).ok()
    };
    apply().is_some()
}

/// Calls that no decoder makes by mistake: they end the process.
fn fatal() -> Option<BpfProgram> {
    let calls = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
        libc::SYS_keyctl,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
    ];
    filter(
        calls.into_iter().map(|call| (call, Vec::new())),
        SeccompAction::Allow,
        SeccompAction::KillProcess,
    )
}

/// Calls that decoders, the allocator and the exchange of messages need. All others fail with
/// `EPERM`, because a library may try one and do without.
fn allowed() -> Option<BpfProgram> {
    let plain = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_lseek,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_recvmsg,
        libc::SYS_recvfrom,
        libc::SYS_sendto,
        libc::SYS_ppoll,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_membarrier,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_sysinfo,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let executable = libc::PROT_EXEC.unsigned_abs().into();
    let mut rules: Vec<_> = plain.map(|call| (call, Vec::new())).to_vec();
    // No memory becomes code.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.push((call, vec![rule(2, SeccompCmpOp::MaskedEq(executable), 0)?]));
    }
    // A process may end itself with a signal, and send none to others.
    let own = rustix::process::getpid().as_raw_nonzero().get();
    rules.push((
        libc::SYS_tgkill,
        vec![rule(0, SeccompCmpOp::Eq, own.unsigned_abs().into())?],
    ));
    filter(
        rules.into_iter(),
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
    )
}

fn rule(argument: u8, comparison: SeccompCmpOp, value: u64) -> Option<SeccompRule> {
    let condition =
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value).ok()?;
    SeccompRule::new(vec![condition]).ok()
}

fn filter(
    rules: impl Iterator<Item = (libc::c_long, Vec<SeccompRule>)>,
    others: SeccompAction,
    these: SeccompAction,
) -> Option<BpfProgram> {
    let architecture: TargetArch = std::env::consts::ARCH.try_into().ok()?;
    let filter = SeccompFilter::new(rules.collect(), others, these, architecture).ok()?;
    filter.try_into().ok()
}
