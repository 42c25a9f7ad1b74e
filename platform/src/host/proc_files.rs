//! Which `/proc` is read. In a container, the machine's may be mounted at another place.

use std::io;
use std::path::{Path, PathBuf};

use procfs_core::ExplicitSystemInfo;

/// Where the machine's `/proc` is expected in a container.
const MOUNTED: &str = "/host/proc";

/// Where each process finds its own.
const OWN: &str = "/proc";

/// Files that Docker and Podman put into each container.
const MARKS_OF_CONTAINERS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// What the parsers ask for besides the text. Only the byte order of addresses has an effect here:
/// what is read are ticks and counts.
pub(super) const SYSTEM: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: 100,
    page_size: 4096,
    is_little_endian: cfg!(target_endian = "little"),
};

#[derive(Clone, Debug)]
pub struct ProcFiles {
    root: PathBuf,
    /// The folder with tables of connections, in the root.
    net: &'static str,
    /// Whether connections of others than this container are missing.
    is_partial: bool,
}

impl ProcFiles {
    /// The configured folder, else the one mounted at `/host/proc`, else this process's own.
    pub fn choose(configured: Option<&Path>) -> Self {
        let mounted = Path::new(MOUNTED);
        match configured {
            Some(folder) => Self::of_host(folder.to_owned()),
            None if mounted.join("stat").exists() => Self::of_host(mounted.to_owned()),
            None => Self {
                root: OWN.into(),
                net: "net",
                is_partial: is_in_container(),
            },
        }
    }

    /// `/proc` of a machine. `net` is a link to this process, so the machine's first one is asked.
    pub fn of_host(root: PathBuf) -> Self {
        Self {
            root,
            net: "1/net",
            is_partial: false,
        }
    }

    /// What is missing, if something is.
    pub fn gap(&self) -> Option<&'static str> {
        self.is_partial.then_some(
            "in a container, the TCP connections that are counted are those of this container; to \
             count the machine's, mount its /proc read-only at /host/proc, or name the place in \
             VITRINE_HOST_PROC",
        )
    }

    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        let path = self.root.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// The tables of TCP sockets; the one for IPv6 only where there is IPv6.
    pub(super) fn tcp_tables(&self) -> io::Result<Vec<String>> {
        let mut tables = vec![self.read(&format!("{}/tcp", self.net))?];
        match self.read(&format!("{}/tcp6", self.net)) {
            Ok(table) => tables.push(table),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(tables)
    }
}

fn is_in_container() -> bool {
    let is_marked = MARKS_OF_CONTAINERS
        .iter()
        .any(|mark| Path::new(mark).exists());
    is_marked || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

#[cfg(test)]
mod tests {
    use super::ProcFiles;

    #[test]
    fn a_mounted_proc_is_the_machines() {
        let files = ProcFiles::choose(Some("/elsewhere".as_ref()));
        assert_eq!(files.gap(), None);
        let error = files.read("stat").unwrap_err().to_string();
        assert!(error.starts_with("/elsewhere/stat: "), "{error}");
    }
}
