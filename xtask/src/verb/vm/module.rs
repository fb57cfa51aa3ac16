//! Fetches the driver for a processor's registers (`msr.ko`) from a kernel's packages. No cloud kernel loads it by
//! itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::archive::Archive;
use super::cpio;
use super::kernels::{self, Package};

/// The path of the driver in the machine. PID 1 relies on this path.
const TARGET: &str = "/lib/msr.ko";

/// The magic number of an xz file.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// Returns the path of a kernel's driver below `directory`. Downloads and unpacks the driver if it is not there.
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

/// Returns the initramfs `root` with a second archive at its end, which contains the driver. The kernel unpacks one
/// archive after the other.
pub fn add(root: &Path, module: &Path) -> Result<Vec<u8>> {
    let read = |file: &Path| fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let mut second = cpio::Archive::default();
    second.file(TARGET, 0o644, &read(module)?)?;
    let mut both = read(root)?;
    both.extend(second.finish()?);
    Ok(both)
}

/// Returns the name of the package with a kernel's modules. Since 6.19 images and modules are in separate packages.
fn holder(kernel: &str) -> String {
    kernel.replacen("linux-binary-", "linux-modules-", 1)
}

fn decompress(file: &Path) -> Result<Vec<u8>> {
    // xz does not accept the extension of this file, so the file is its standard input.
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
