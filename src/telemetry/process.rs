//! What the kernel says of this process (proc(5)), under the names that every Prometheus client uses. Where there is no `/proc`, nothing.

use crate::telemetry::text::{Kind, Text};
use std::{fs, sync::OnceLock};

/// Ticks per second in `/proc/self/stat`: the kernel's USER_HZ, 100 on every architecture that Linux still builds for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The start of this process in seconds since 1970, looked up once.
static STARTED: OnceLock<Option<f64>> = OnceLock::new();

/// Writes what there is.
pub(super) fn write(text: &mut Text) {
    if let Some(stat) = stat_fields() {
        let ticks = field(&stat, 14).unwrap_or(0.0) + field(&stat, 15).unwrap_or(0.0);
        text.family(
            "process_cpu_seconds_total",
            Kind::Counter,
            "User and system time spent.",
        );
        text.sample("process_cpu_seconds_total", &[], ticks / TICKS_PER_SECOND);
        gauge(text, "process_threads", "Threads.", field(&stat, 20));
        gauge(
            text,
            "process_virtual_memory_bytes",
            "Address space.",
            field(&stat, 23),
        );
        let started =
            *STARTED.get_or_init(|| Some(boot_time()? + field(&stat, 22)? / TICKS_PER_SECOND));
        gauge(
            text,
            "process_start_time_seconds",
            "When it started, since 1970.",
            started,
        );
    }
    gauge(
        text,
        "process_resident_memory_bytes",
        "Memory that is in RAM.",
        resident(),
    );
    gauge(
        text,
        "process_open_fds",
        "Open file descriptors.",
        open_descriptors(),
    );
    gauge(
        text,
        "process_max_fds",
        "The most file descriptors it may open.",
        max_descriptors(),
    );
}

fn gauge(text: &mut Text, name: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    }
}

/// The fields after the program's name, which may hold spaces and brackets itself.
fn stat_fields() -> Option<Vec<String>> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after) = stat.rsplit_once(") ")?;
    Some(after.split_whitespace().map(str::to_owned).collect())
}

/// By its number in proc(5), which counts from 1; the name is field 2.
fn field(stat: &[String], number: usize) -> Option<f64> {
    stat.get(number.checked_sub(3)?)?.parse().ok()
}

fn boot_time() -> Option<f64> {
    line_number(&fs::read_to_string("/proc/stat").ok()?, "btime ")
}

fn resident() -> Option<f64> {
    let kibibytes = line_number(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    Some(kibibytes * 1024.0)
}

fn max_descriptors() -> Option<f64> {
    line_number(
        &fs::read_to_string("/proc/self/limits").ok()?,
        "Max open files",
    )
}

fn open_descriptors() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself was open while it was counted.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

/// The first number after these words at the start of a line.
fn line_number(text: &str, words: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(words))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Text, write};

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_knows_its_memory_and_its_age() {
        let mut text = Text::after(String::new());
        write(&mut text);
        let text = text.finish();
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")))
                .unwrap();
            line.rsplit_once(' ').unwrap().1.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_threads") >= 1.0);
    }
}
