//! Loads that are one command each.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::super::stage::Stage;
use super::kinds::Load;

/// Starts `/bin/true` in a loop of the shell.
#[expect(clippy::unnecessary_wraps, reason = "loads have one type")]
pub fn shell(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    Ok(Box::new(move |amount: u32| {
        let script = "i=0; while [ $i -lt $1 ]; do /bin/true; i=$((i+1)); done";
        Ok(stage.run("sh", &["-c", script, "loop", &amount.to_string()])?.1.as_secs_f64())
    }))
}

/// Walks over `/usr`.
#[expect(clippy::unnecessary_wraps, reason = "loads have one type")]
pub fn find(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    // The size makes find look at each file. A directory that may not be read is passed over.
    let script = "i=0; while [ $i -lt $1 ]; do find /usr -xdev -size +1000000k >/dev/null 2>&1; i=$((i+1)); done; true";
    Ok(Box::new(move |amount: u32| {
        Ok(stage.run("sh", &["-c", script, "loop", &amount.to_string()])?.1.as_secs_f64())
    }))
}

/// Packs `/usr/include`. The archive goes to `/dev/zero`, because tar reads no file if the archive is `/dev/null`.
pub fn tar(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    ensure!(Path::new("/usr/include/stdio.h").is_file(), "there is no /usr/include");
    let script = "i=0; while [ $i -lt $1 ]; do tar -cf /dev/zero -C /usr include || exit 1; i=$((i+1)); done";
    Ok(Box::new(move |amount: u32| {
        Ok(stage.run("sh", &["-c", script, "loop", &amount.to_string()])?.1.as_secs_f64())
    }))
}

/// Sends messages between processes through sockets: 4 groups of 20 senders and 20 receivers.
#[expect(clippy::unnecessary_wraps, reason = "loads have one type")]
pub fn hackbench(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    Ok(Box::new(move |amount: u32| {
        seconds(&stage.run("hackbench", &["-g", "4", "-f", "20", "-l", &amount.to_string()])?.0)
    }))
}

/// Reads the time from the output of hackbench: `Time: 1.234`.
fn seconds(output: &str) -> Result<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("Time: "));
    line.and_then(|time| time.trim().parse().ok()).context("hackbench told no time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_from_hackbench() {
        let output = "Running in process mode with 4 groups using 40 file descriptors each (== 160 tasks)\n\
            Each sender will pass 100 messages of 100 bytes\nTime: 0.125\n";
        assert_eq!(seconds(output).ok(), Some(0.125));
        assert!(seconds("Time: soon\n").is_err() && seconds("").is_err());
    }
}
