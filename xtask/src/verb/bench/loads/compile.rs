//! A parallel build of C files.

use std::fmt::Write;
use std::fs;
use std::thread;

use anyhow::{Context, Result};

use super::super::stage::Stage;
use super::kinds::Load;

/// The compiler and make.
pub const PROGRAMS: [&str; 2] = ["gcc", "make"];
/// The number of functions in a file.
const FUNCTIONS: u32 = 40;

/// Compiles generated files, as many at once as there are CPUs.
pub fn start(stage: &Stage) -> Result<Box<dyn Load + '_>> {
    let directory = stage.directory("compile")?;
    let jobs = thread::available_parallelism().map_or(1, usize::from).to_string();
    let name = directory.display().to_string();
    Ok(Box::new(move |amount: u32| {
        for entry in fs::read_dir(&directory).context("cannot read the files to compile")?.flatten() {
            fs::remove_file(entry.path()).context("cannot remove a file of the last run")?;
        }
        for number in 0..amount {
            let path = directory.join(format!("f{number}.c"));
            fs::write(&path, source(number)).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let objects: Vec<_> = (0..amount).map(|number| format!("f{number}.o")).collect();
        let rules = format!("all: {}\n%.o: %.c\n\tgcc -O1 -c -o $@ $<\n", objects.join(" "));
        fs::write(directory.join("Makefile"), rules).context("cannot write the Makefile")?;
        let (_, elapsed) = stage.run("make", &["-s", "-r", "-j", &jobs, "-C", &name])?;
        Ok(elapsed.as_secs_f64())
    }))
}

/// Returns a C file. Its functions differ from file to file.
fn source(number: u32) -> String {
    let mut text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n".to_owned();
    for function in 0..FUNCTIONS {
        let seed = number * FUNCTIONS + function;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "int f{seed}(int n, const char *s) {{\n\
             int sum = {seed};\n\
             for (int i = 0; i < n; i++) sum = sum * 31 + s[i % (int)strlen(s)] + i / {};\n\
             char *p = malloc((size_t)n + 64);\n\
             if (!p) return -1;\n\
             snprintf(p, 64, \"%d %s\", sum, s);\n\
             sum += atoi(p); free(p); return sum;\n}}\n",
            seed % 7 + 1
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn files_differ() {
        assert_ne!(source(1), source(2));
        assert!(source(1).contains("int f40("));
    }
}
