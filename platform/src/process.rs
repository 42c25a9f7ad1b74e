//! What the kernel allows this process, and as whom it runs.

use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit, umask};

/// Raises the limit of open files to the highest this process may have, and returns it. Each
/// connection and each object that is read is one.
pub fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // None means that there is no limit.
    files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

/// From now on, files and folders that this process makes are for its user alone: 0600 and 0700.
pub fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// The number of the user this process acts as.
pub fn user() -> u32 {
    geteuid().as_raw()
}

/// Closes what this process inherited besides standard input, output and error. To be called before
/// anything is opened.
#[allow(unsafe_code)]
pub fn close_inherited_files() {
    // SAFETY: close_range(2) takes no pointers. Nothing in this process owns one of these
    // descriptors yet, so none is closed under its owner.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    // Kernels before 5.9 do not know it. Files that Rust opens are not inherited anyway.
    let _ = closed;
}

/// The memory that this process may use at most, in bytes: that of the machine, of the control
/// groups it is in (cgroups(7)), of the function on Lambda, or its limit of addresses. None if
/// nothing tells.
pub fn memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    });
    let function = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
    let function = function.and_then(|megabytes| Some(megabytes.parse::<u64>().ok()? << 20));
    [
        machine,
        function,
        control_groups(),
        getrlimit(Resource::As).current,
    ]
    .into_iter()
    .flatten()
    .min()
}

/// The smallest limit of this process's control group and those above it, in both versions.
fn control_groups() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next().unwrap_or_default();
        let path = parts.next().unwrap_or_default().trim_start_matches('/');
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        };
        let is_ours = controllers.is_empty() || controllers.split(',').any(|it| it == "memory");
        let groups = is_ours.then(|| Path::new(path).ancestors().map(move |group| (root, group)));
        let files = groups
            .into_iter()
            .flatten()
            .filter_map(move |(root, group)| {
                let limit = std::fs::read_to_string(Path::new(root).join(group).join(file)).ok()?;
                // "max" is none.
                limit.trim().parse::<u64>().ok()
            });
        files.collect::<Vec<_>>()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::memory;

    #[test]
    fn this_machine_tells_how_much_memory_it_has() {
        assert!(memory().is_some_and(|bytes| bytes > 64 << 20));
    }
}
