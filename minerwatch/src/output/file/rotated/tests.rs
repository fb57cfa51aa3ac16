use std::{
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;

use super::*;
use crate::output::line_writer::{LineWriter, Unwritten};

/// A directory that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("minerwatch-output-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns the settings of a file that is rotated at 1 MiB.
fn rotation(path: impl Into<PathBuf>) -> Rotation {
    Rotation { path: path.into(), max_bytes: 1 << 20, keep: 5 }
}

fn open(rotation: Rotation) -> LineWriter<RotatedFile> {
    LineWriter::new(RotatedFile::open(rotation).unwrap())
}

/// Writes lines. Returns the description of a problem.
fn write(output: &mut LineWriter<RotatedFile>, lines: &str) -> Option<String> {
    output.write(&Bytes::copy_from_slice(lines.as_bytes())).unwrap()
}

#[test]
fn appends_to_what_is_there_with_mode_0600() {
    let scratch = Scratch::new();
    for line in ["one\n", "two\n"] {
        let mut output = open(rotation(scratch.file("events")));
        assert_eq!(write(&mut output, line), None);
        output.target.sync().unwrap();
    }
    assert_eq!(scratch.read("events"), "one\ntwo\n");
    let mode = fs::metadata(scratch.file("events")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn rotates_by_size_and_keeps_the_configured_number() {
    let scratch = Scratch::new();
    let small = Rotation { max_bytes: 10, keep: 2, ..rotation(scratch.file("events")) };
    let mut output = open(small);
    for number in 1..=9 {
        let problem = write(&mut output, &format!("line{number}\n"));
        assert_eq!(problem, None);
    }
    assert_eq!(scratch.read("events"), "line9\n");
    assert_eq!(scratch.read("events.1"), "line8\n");
    assert_eq!(scratch.read("events.2"), "line7\n");
    assert!(!scratch.file("events.3").exists());
}

#[test]
fn a_line_longer_than_a_file_is_written_whole() {
    let scratch = Scratch::new();
    let small = Rotation { max_bytes: 4, keep: 0, ..rotation(scratch.file("events")) };
    let mut output = open(small);
    write(&mut output, "much longer\n");
    assert_eq!(scratch.read("events"), "much longer\n");
    write(&mut output, "next\n");
    assert_eq!(scratch.read("events"), "next\n");
    assert!(!scratch.file("events.1").exists());
}

#[test]
fn a_file_that_cannot_be_moved_away_is_still_written_and_reported_once() {
    let scratch = Scratch::new();
    // A directory that is not empty cannot be replaced by a file, not even by root.
    fs::create_dir_all(scratch.file("events.1").join("full")).unwrap();
    let small = Rotation { max_bytes: 10, keep: 1, ..rotation(scratch.file("events")) };
    let mut output = open(small);
    assert!(write(&mut output, "line1\n").is_none());
    let problem = write(&mut output, "line2\n").unwrap();
    assert!(problem.contains("cannot be moved away"), "{problem}");
    assert!(write(&mut output, "3\n").is_none());
    assert_eq!(scratch.read("events"), "line1\nline2\n3\n");
}

#[test]
fn reopens_what_was_moved_away() {
    let scratch = Scratch::new();
    let mut output = open(rotation(scratch.file("events")));
    write(&mut output, "before\n");
    fs::rename(scratch.file("events"), scratch.file("old")).unwrap();
    write(&mut output, "still the old one\n");
    output.target.reopen().unwrap();
    write(&mut output, "after\n");
    // The file was not moved this time. The lock that this process holds must not prevent the reopening.
    output.target.reopen().unwrap();
    write(&mut output, "again\n");
    assert_eq!(scratch.read("old"), "before\nstill the old one\n");
    assert_eq!(scratch.read("events"), "after\nagain\n");
}

#[test]
fn a_failed_reopen_keeps_the_open_file() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.file("logs")).unwrap();
    let mut output = open(rotation(scratch.file("logs/events")));
    fs::rename(scratch.file("logs"), scratch.file("moved")).unwrap();
    let error = output.target.reopen().unwrap_err().to_string();
    assert!(error.contains("logs/events") && error.contains("No such file"), "{error}");
    write(&mut output, "kept\n");
    assert_eq!(scratch.read("moved/events"), "kept\n");
}

#[test]
fn a_second_writer_is_refused() {
    let scratch = Scratch::new();
    let _first = open(rotation(scratch.file("events")));
    let error = RotatedFile::open(rotation(scratch.file("events"))).unwrap_err();
    assert!(matches!(error, OpenError::Busy { .. }), "{error}");
}

#[test]
fn a_half_line_left_by_a_crash_is_ended() {
    let scratch = Scratch::new();
    fs::write(scratch.file("events"), "{}\n{\"half").unwrap();
    let mut output = open(rotation(scratch.file("events")));
    write(&mut output, "{}\n");
    assert_eq!(scratch.read("events"), "{}\n{\"half\n{}\n");
    assert_eq!(output.target.length, scratch.read("events").len() as u64);
    assert!(output.target.take_back(3), "the length is known exactly");
    assert_eq!(scratch.read("events"), "{}\n{\"half\n");
}

#[test]
fn a_file_emptied_by_others_is_not_rotated() {
    let scratch = Scratch::new();
    let small = Rotation { max_bytes: 10, keep: 1, ..rotation(scratch.file("events")) };
    let mut output = open(small);
    write(&mut output, "line1\n");
    fs::write(scratch.file("events"), "").unwrap();
    write(&mut output, "line2\n");
    assert_eq!(scratch.read("events"), "line2\n");
    assert!(!scratch.file("events.1").exists());
}

#[test]
fn a_missing_directory_is_an_error_that_names_it() {
    let error = RotatedFile::open(rotation("/nonexistent/events.json")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/events.json"), "{error}");
}

/// Fills a file system of 64 KiB, and enlarges the file system.
#[test]
fn a_disk_that_fills_up_loses_nothing() {
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

    let scratch = Scratch::new();
    let mounted = scratch.file("small");
    fs::create_dir(&mounted).unwrap();
    if let Err(error) = mount("tmpfs", &mounted, "tmpfs", MountFlags::empty(), Some(c"size=64k")) {
        let required = std::env::var_os("MINERWATCH_REQUIRE_ROOT_TESTS").is_some_and(|value| value == "1");
        assert!(!required, "mounting a tmpfs needs root: {error}");
        eprintln!("SKIPPED a_disk_that_fills_up_loses_nothing: mounting a tmpfs needs root: {error}");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let path = mounted.join("events");
        fs::write(mounted.join("ballast"), vec![0; 30_000]).unwrap();
        let mut output = open(rotation(&path));
        let lines: Vec<String> =
            (0..1_000).map(|number| format!("line {number:04} {}\n", "x".repeat(83))).collect();
        let Unwritten { error, mut rest } =
            output.write(&Bytes::from(lines.concat())).expect_err("there is no space");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let whole = fs::read(&path).unwrap();
        assert!(!whole.is_empty() && whole.ends_with(b"\n"), "no half line on the disk");
        rest = output.write(&rest).expect_err("there is still no space").rest;

        // The file system gets more space.
        rustix::mount::mount_remount(&mounted, MountFlags::empty(), c"size=1m").unwrap();
        assert_eq!(output.write(&rest).unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap(), lines.concat());
    });
    unmount(&mounted, UnmountFlags::DETACH).unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
