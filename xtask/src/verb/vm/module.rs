//! The driver for a processor's registers, as a kernel's packages have it: a file, which no cloud kernel loads by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::archive::Archive;
use super::cpio;
use super::kernels::{self, Package};

/// Where it lies in the machine; PID 1 relies on this.
const TARGET: &str = "/lib/msr.ko";

/// The first bytes of a file that xz compressed.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// The file of a kernel's driver, below `directory`; downloaded and unpacked unless it is there.
pub fn file(archive: &Archive, kernel: &Package, directory: &Path) -> Result<PathBuf> {
    let package = holder(kernel.name());
    let module = directory.join(&package).join("msr.ko");
    if !module.is_file() {
        let deb = kernels::package_file(archive, &package, directory)?;
        let patterns =
            ["./lib/modules/*/arch/x86/kernel/msr.ko*", "./usr/lib/modules/*/arch/x86/kernel/msr.ko*"];
        let packed = module.with_extension("packed");
        kernels::extract(&deb, &patterns, &packed)?;
        let content = fs::read(&packed).with_context(|| format!("cannot read {}", packed.display()))?;
        let content = if content.starts_with(XZ) { decompress(&packed)? } else { content };
        if !content.starts_with(b"\x7fELF") {
            bail!("{} holds no driver of that name", deb.display());
        }
        fs::write(&module, content).with_context(|| format!("cannot write {}", module.display()))?;
    }
    Ok(module)
}

/// A first root with the driver in it: the kernel unpacks one archive after the other.
pub fn add(root: &Path, module: &Path) -> Result<Vec<u8>> {
    let read = |file: &Path| fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let mut second = cpio::Archive::default();
    second.file(TARGET, 0o644, &read(module)?)?;
    let mut both = read(root)?;
    both.extend(second.finish()?);
    Ok(both)
}

/// Since 6.19 images and modules are packages of their own.
fn holder(kernel: &str) -> String {
    kernel.replacen("linux-binary-", "linux-modules-", 1)
}

fn decompress(file: &Path) -> Result<Vec<u8>> {
    // Its name ends like no file of xz's, so it is given as standard input.
    let input = fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut xz = Command::new("xz");
    let output = xz.args(["--decompress", "--stdout"]).stdin(input).output().context("cannot start xz")?;
    if !output.status.success() {
        bail!("xz: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_in_the_image_package_or_in_their_own() {
        let cases = [
            ("linux-image-6.1.0-50-cloud-amd64", "linux-image-6.1.0-50-cloud-amd64"),
            ("linux-binary-7.0.13+deb13-cloud-amd64", "linux-modules-7.0.13+deb13-cloud-amd64"),
        ];
        for (kernel, expected) in cases {
            assert_eq!(holder(kernel), expected);
        }
    }
}
