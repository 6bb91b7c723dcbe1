//! A file system of a test's own, to fill up or to make unwritable.

#![expect(
    clippy::disallowed_methods,
    reason = "mounting is a program's work, and a remount is waited for"
)]

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// One with these options of tmpfs; none, which is told, where the machine lets us make none.
    #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
    pub(crate) fn new(options: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let is_mounted = disk.run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"]);
        if !is_mounted {
            eprintln!("SKIPPED: cannot mount a small file system here (needs root)");
        }
        is_mounted.then_some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether it has these options from now on.
    pub(crate) fn remount(&self, options: &str) -> bool {
        // A child that another test is just starting holds our files until it becomes its program.
        (0..200).any(|_| {
            let done = self.run("mount", &["-o", &format!("remount,{options}")]);
            if !done {
                thread::sleep(Duration::from_millis(25));
            }
            done
        })
    }

    /// Writes to a file of it until nothing more fits.
    pub(crate) fn fill(&self, name: &str) {
        let path = self.path().join(name);
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        for size in [1 << 16, 1 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let status = Command::new(program)
            .args(arguments)
            .arg(self.path())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}
