//! What this machine has: memory, and room on a disk.

use std::io;
use std::path::Path;

/// The share of the memory that the buffers of connections may take where nobody says otherwise, and its bound.
const BUFFERS_SHARE: u64 = 4;
const BUFFERS_BYTES_MAX: u64 = 2 << 30;

/// What the kernel lets a container have, where it is one.
const CONTAINER_LIMIT: &str = "/sys/fs/cgroup/memory.max";

/// Bytes that the buffers of connections may take where nobody says otherwise.
pub(crate) fn buffer_bytes() -> usize {
    let container = std::fs::read_to_string(CONTAINER_LIMIT).ok();
    buffers_of(memory_bytes(), container.as_deref())
}

/// The size of the disk that a folder is on, and what of it is free for this process, in bytes.
pub(crate) fn disk(folder: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok((disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize)))
}

fn memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    #[expect(clippy::useless_conversion, reason = "the type depends on the machine")]
    let memory = u64::from(system.totalram);
    memory.saturating_mul(u64::from(system.mem_unit))
}

/// `container` is what the container's limit says: a number of bytes, or that there is none.
fn buffers_of(memory: u64, container: Option<&str>) -> usize {
    let limit = container.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(u64::MAX);
    let bytes = (memory.min(limit) / BUFFERS_SHARE).min(BUFFERS_BYTES_MAX);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_is_measured_and_a_missing_one_is_an_error() {
        let (size, free) = disk(&std::env::temp_dir()).expect("it is there");
        assert!(size > 0 && free <= size, "{free} of {size}");
        assert!(disk(Path::new("/nowhere at all")).is_err());
    }

    #[test]
    fn buffers_may_take_a_quarter_of_the_memory_that_there_is() {
        const GIB: u64 = 1 << 30;
        let gib = |bytes: u64| usize::try_from(bytes).expect("it fits");
        assert_eq!(buffers_of(4 * GIB, None), gib(GIB));
        assert_eq!(buffers_of(64 * GIB, Some("max\n")), gib(2 * GIB));
        assert_eq!(buffers_of(64 * GIB, Some("536870912\n")), gib(GIB / 8));
        assert!(buffer_bytes() > 0);
    }
}
