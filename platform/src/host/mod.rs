//! How the machine is doing: memory, processors, TCP connections and room on the disk, read from
//! `/proc` (proc(5)). In a container, memory and processors are the machine's in any case; network
//! connections are the container's own, unless the machine's `/proc` is mounted too.

mod proc_files;
mod sockets;

use std::io;
use std::path::PathBuf;

use procfs_core::{FromBufRead as _, FromBufReadSI as _, KernelStats, Meminfo};

use crate::disk::Space;
pub use proc_files::ProcFiles;
use sockets::TcpConnections;

/// Bytes of a gigabyte, as disks are sold.
const GIGABYTE: f64 = 1e9;

/// From this much memory in use, in percent, waiting for disks may be due to memory.
pub const SCARCE_MEMORY: f64 = 80.0;

/// From this share of time spent waiting for disks, in percent, the machine is held up.
pub const LONG_IO_WAIT: f64 = 20.0;

/// Below this, in gigabytes, storage is low.
pub const LOW_STORAGE: f64 = 2.0;

/// The machine at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HostReading {
    /// In percent.
    pub memory_usage: f64,
    /// Established ones.
    pub tcp_connections: u64,
    /// Established ones to ports of HTTP.
    pub tcp_connections_http: u64,
    /// Established ones to the port of SSH.
    pub tcp_connections_ssh: u64,
    /// In percent of the processors' time since the reading before, or since the machine started.
    pub io_wait: f64,
    /// In percent of the processors' time since the reading before, or since the machine started.
    pub cpu_steal: f64,
    /// In gigabytes.
    pub available_virtual_storage: f64,
}

impl HostReading {
    /// Memory is scarce and processors wait for disks: pages that were dropped are read again.
    pub fn memory_bottleneck(&self) -> bool {
        self.memory_usage >= SCARCE_MEMORY && self.io_wait >= LONG_IO_WAIT
    }

    pub fn multiple_ssh_connections(&self) -> bool {
        self.tcp_connections_ssh > 1
    }

    pub fn low_virtual_storage(&self) -> bool {
        self.available_virtual_storage < LOW_STORAGE
    }
}

/// Reads the machine again and again.
pub struct Host {
    files: ProcFiles,
    /// A folder on the disk that fills up.
    disk: PathBuf,
    /// Ports of this machine at which HTTP is served.
    http_ports: Vec<u16>,
    processors: Processors,
}

impl Host {
    /// `port` is where this server listens, besides the usual ports of HTTP.
    pub fn new(files: ProcFiles, disk: PathBuf, port: u16) -> Self {
        Self {
            files,
            disk,
            http_ports: vec![80, 443, port],
            processors: Processors::default(),
        }
    }

    /// What is missing, if something is.
    pub fn gap(&self) -> Option<&'static str> {
        self.files.gap()
    }

    /// # Errors
    /// If a file cannot be read, as on systems without `/proc`.
    pub fn read(&mut self) -> io::Result<HostReading> {
        let processors = Processors::parse(&self.files.read("stat")?)?;
        let (io_wait, cpu_steal) = processors.since(self.processors);
        self.processors = processors;
        let mut connections = TcpConnections::default();
        for table in self.files.tcp_tables()? {
            connections.add(&table, &self.http_ports)?;
        }
        let space = Space::at(&self.disk)?;
        Ok(HostReading {
            memory_usage: memory_usage(&self.files.read("meminfo")?)?,
            tcp_connections: connections.all,
            tcp_connections_http: connections.http,
            tcp_connections_ssh: connections.ssh,
            io_wait,
            cpu_steal,
            available_virtual_storage: space.free as f64 / GIGABYTE,
        })
    }
}

/// The share of memory that programs cannot get any more, in percent.
fn memory_usage(meminfo: &str) -> io::Result<f64> {
    let memory = Meminfo::from_buf_read(meminfo.as_bytes()).map_err(malformed)?;
    // Kernels before 3.14 do not say what is available.
    let available = memory.mem_available.unwrap_or(memory.mem_free);
    Ok(percent(
        memory.mem_total.saturating_sub(available),
        memory.mem_total,
    ))
}

/// Time of all processors since the machine started, in ticks.
#[derive(Clone, Copy, Debug, Default)]
struct Processors {
    all: u64,
    io_wait: u64,
    steal: u64,
}

impl Processors {
    fn parse(stat: &str) -> io::Result<Self> {
        let stat = KernelStats::from_buf_read(stat.as_bytes(), &proc_files::SYSTEM);
        let time = stat.map_err(malformed)?.total;
        let io_wait = time.iowait.unwrap_or_default();
        let steal = time.steal.unwrap_or_default();
        let modes = [time.user, time.nice, time.system, time.idle];
        let interrupts = [time.irq, time.softirq].map(Option::unwrap_or_default);
        // Time of guests is part of `user` and `nice`.
        let all = modes.iter().chain(&interrupts).sum::<u64>() + io_wait + steal;
        Ok(Self {
            all,
            io_wait,
            steal,
        })
    }

    /// Waiting for disks and steal since an earlier reading, in percent of all time.
    fn since(self, earlier: Self) -> (f64, f64) {
        let all = self.all.saturating_sub(earlier.all);
        // The time spent waiting may decrease, says proc(5).
        let share = |now: u64, then: u64| percent(now.saturating_sub(then), all);
        (
            share(self.io_wait, earlier.io_wait),
            share(self.steal, earlier.steal),
        )
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / whole as f64
}

fn malformed(error: procfs_core::ProcError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The beginning of such a file, as recorded; the parser needs the lines below as well.
    fn stat(total: &str) -> String {
        format!(
            "cpu  {total}\n\
             cpu0 {total}\n\
             intr 1462898 0\n\
             ctxt 115315\n\
             btime 1764140000\n\
             processes 26442\n\
             procs_running 1\n\
             procs_blocked 0\n\
             softirq 5 0 1 2 2\n"
        )
    }

    fn tcp(sockets: &[(&str, &str)]) -> String {
        let mut text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
                        retrnsmt   uid  timeout inode\n"
            .to_owned();
        for (local, state) in sockets {
            text += &format!(
                "   0: {local} 0A00000A:C350 {state} 00000000:00000000 00:00000000 00000000  1000  \
                 0 2191667 1 000000009b79f25c 100 0 0 10 0\n"
            );
        }
        text
    }

    const MEMINFO: &str = "MemTotal:        1000000 kB\n\
                           MemFree:           50000 kB\n\
                           MemAvailable:     150000 kB\n\
                           Buffers:           10000 kB\n\
                           Cached:            90000 kB\n\
                           SwapCached:            0 kB\n\
                           Active:           400000 kB\n\
                           Inactive:         400000 kB\n\
                           SwapTotal:             0 kB\n\
                           SwapFree:              0 kB\n\
                           Dirty:                20 kB\n\
                           Writeback:             0 kB\n\
                           Mapped:            30000 kB\n\
                           Slab:              20000 kB\n\
                           Committed_AS:     900000 kB\n\
                           VmallocTotal:   34359738367 kB\n\
                           VmallocUsed:       20000 kB\n\
                           VmallocChunk:          0 kB\n";

    fn recorded(folder: &Path, cpu: &str) {
        std::fs::create_dir_all(folder.join("1/net")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("meminfo", MEMINFO);
        write("stat", &stat(cpu));
        write(
            "1/net/tcp",
            &tcp(&[
                ("0100007F:1F90", "01"),
                ("0A00000A:0016", "01"),
                ("0A00000A:0016", "01"),
                ("00000000:0016", "0A"),
                ("0A00000A:1F90", "06"),
                ("0A00000A:D431", "01"),
            ]),
        );
        write(
            "1/net/tcp6",
            &tcp(&[("0000000000000000FFFF00000A00000A:01BB", "01")]),
        );
    }

    #[test]
    fn a_machine_is_described_by_its_recorded_files() {
        let folder = tempfile::tempdir().unwrap();
        recorded(folder.path(), "400 0 100 500 0 0 0 0 0 0");
        let files = ProcFiles::of_host(folder.path().to_owned());
        let mut host = Host::new(files, folder.path().to_owned(), 8080);

        let first = host.read().unwrap();
        assert_eq!((first.io_wait, first.cpu_steal), (0.0, 0.0));
        assert_eq!(first.memory_usage, 85.0);
        // Listening sockets and those that wait for their end are no connections.
        assert_eq!(first.tcp_connections, 5);
        assert_eq!(first.tcp_connections_http, 2);
        assert_eq!(first.tcp_connections_ssh, 2);
        assert!(first.multiple_ssh_connections());
        assert!(first.available_virtual_storage > 0.0);
        assert!(!first.memory_bottleneck());

        recorded(folder.path(), "420 0 110 530 30 0 0 10 0 0");
        let second = host.read().unwrap();
        assert_eq!((second.io_wait, second.cpu_steal), (30.0, 10.0));
        assert!(second.memory_bottleneck());
    }

    #[test]
    fn a_bottleneck_needs_both_scarce_memory_and_waiting() {
        let reading = |memory_usage, io_wait| HostReading {
            memory_usage,
            io_wait,
            ..HostReading::default()
        };
        assert!(reading(80.0, 20.0).memory_bottleneck());
        assert!(!reading(79.9, 90.0).memory_bottleneck());
        assert!(!reading(99.0, 19.9).memory_bottleneck());
    }

    #[test]
    fn limits_of_ssh_and_storage_are_as_documented() {
        let reading = |tcp_connections_ssh, available_virtual_storage| HostReading {
            tcp_connections_ssh,
            available_virtual_storage,
            ..HostReading::default()
        };
        assert!(!reading(1, 2.0).multiple_ssh_connections());
        assert!(reading(2, 2.0).multiple_ssh_connections());
        assert!(!reading(0, 2.0).low_virtual_storage());
        assert!(reading(0, 1.999).low_virtual_storage());
    }

    #[test]
    fn a_machine_without_ipv6_has_one_table_of_connections() {
        let folder = tempfile::tempdir().unwrap();
        recorded(folder.path(), "400 0 100 500 0 0 0 0 0 0");
        std::fs::remove_file(folder.path().join("1/net/tcp6")).unwrap();
        let files = ProcFiles::of_host(folder.path().to_owned());
        let mut host = Host::new(files, folder.path().to_owned(), 8080);
        assert_eq!(host.read().unwrap().tcp_connections, 4);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        recorded(folder.path(), "400 0 100 500 0 0 0 0 0 0");
        std::fs::write(folder.path().join("meminfo"), "MemTotal: much kB\n").unwrap();
        let files = ProcFiles::of_host(folder.path().to_owned());
        assert!(
            Host::new(files, folder.path().to_owned(), 1)
                .read()
                .is_err()
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_can_be_read() {
        let mut host = Host::new(ProcFiles::choose(None), "/".into(), 8080);
        let reading = host.read().unwrap();
        assert!(reading.memory_usage > 0.0 && reading.memory_usage <= 100.0);
        assert!(reading.io_wait <= 100.0 && reading.cpu_steal <= 100.0);
    }
}
