//! What the operating system says of this process. Read from `/proc` on Linux; elsewhere nothing is known.

use std::fs;

/// The kernel counts a process's CPU time in hundredths of a second for its readers, whatever its own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process's use of the machine, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Bytes of memory in use.
    pub memory_bytes: Option<u64>,
    /// Seconds of CPU used since the start.
    pub cpu_seconds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open files and connections.
    pub open_files: Option<u64>,
}

/// The figures now.
#[must_use]
pub fn read() -> Figures {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    Figures {
        memory_bytes: in_status(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024),
        threads: in_status(&status, "Threads:"),
        cpu_seconds: fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)),
        // The listing itself holds one open.
        open_files: fs::read_dir("/proc/self/fd").ok().map(|open| (open.count() as u64).saturating_sub(1)),
    }
}

fn in_status(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in brackets and may hold anything; what follows the last bracket is regular.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 900 0 0 0 250 50 0 0 20 0 9 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("nonsense"), None);
        assert_eq!(in_status("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048));
    }
}
