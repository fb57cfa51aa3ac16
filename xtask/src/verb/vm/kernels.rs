//! Finds the newest of Debian's cloud kernels in a series, and downloads its image.

use std::cmp::Ordering;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use super::architecture::Architecture;
use super::archive::Archive;

/// A kernel series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// The kernels whose version begins with these two numbers, such as 6.1.
    Release(u32, u32),
    /// The newest kernel of any series.
    Newest,
}

impl Series {
    /// The series that are booted by default: the oldest that is supported, those of Debian's stable releases, and the
    /// newest.
    pub const DEFAULT: [Self; 4] = [Self::Release(5, 10), Self::Release(6, 1), Self::REFERENCE, Self::Newest];

    /// The series whose overhead the README states. In a quick run it stands for the others.
    pub const REFERENCE: Self = Self::Release(6, 12);
}

impl FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "newest" {
            return Ok(Self::Newest);
        }
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::Release(major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| "a series is two numbers, as 6.1, or `newest`".to_owned())
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(major, minor) => write!(f, "{major}.{minor}"),
            Self::Newest => f.write_str("newest"),
        }
    }
}

/// A package that contains a kernel image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    name: String,
    /// All numbers in the version, in order, to compare versions.
    version: Vec<u32>,
    /// Whether the package is a backport to an older Debian release than the one of its series.
    rebuilt: bool,
}

impl Package {
    /// Parses the name of a package: `linux-image-6.12.95+deb12-cloud-amd64` or, since 6.19, `linux-binary-…`. Since
    /// then the package `linux-image-…` is empty. Returns `None` for unsigned images and for all other packages.
    fn parse(name: &str, architecture: Architecture) -> Option<Self> {
        let version = ["linux-image-", "linux-binary-"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))?
            .strip_suffix(architecture.debian())?
            .strip_suffix("-cloud-")?;
        if !version.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let numbers = version.split(|part: char| !part.is_ascii_digit()).filter(|part| !part.is_empty());
        Some(Self {
            name: name.to_owned(),
            version: numbers.map(str::parse).collect::<Result<_, _>>().ok()?,
            rebuilt: version.contains("-0.deb"),
        })
    }

    /// The name of the package.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn belongs_to(&self, series: &Series) -> bool {
        match series {
            Series::Release(major, minor) => self.version.starts_with(&[*major, *minor]),
            Series::Newest => true,
        }
    }

    /// Orders packages from worst to best: backports before the builds for the series' own Debian release, then older
    /// versions before newer ones, then `linux-image` before `linux-binary`.
    fn order(&self, other: &Self) -> Ordering {
        let key = |package: &Self| {
            (!package.rebuilt, package.version.clone(), package.name.starts_with("linux-binary"))
        };
        key(self).cmp(&key(other))
    }
}

/// Returns the newest package of a series. A backport counts only if there is nothing else.
fn newest<'a>(
    names: impl IntoIterator<Item = &'a str>,
    series: &Series,
    architecture: Architecture,
) -> Option<Package> {
    let packages = names.into_iter().filter_map(|name| Package::parse(name, architecture));
    packages.filter(|package| package.belongs_to(series)).max_by(Package::order)
}

/// Finds the newest kernel of a series in the package lists.
pub fn find(archive: &Archive, series: &Series) -> Result<Package> {
    let architecture = archive.architecture();
    let names = archive.search(&format!("^linux-(image|binary)-[0-9].*-cloud-{}$", architecture.debian()))?;
    newest(names.iter().map(String::as_str), series, architecture)
        .with_context(|| format!("none of the package lists has a kernel of the series {series}"))
}

/// Returns the path of a kernel's image below `directory`. Downloads the image if it is not there.
pub fn image(archive: &Archive, package: &Package, directory: &Path) -> Result<PathBuf> {
    let image = directory.join(&package.name).join("vmlinuz");
    if !image.is_file() {
        let deb = package_file(archive, &package.name, directory)?;
        unpack(&deb, &image)?;
    }
    Ok(image)
}

/// Returns the path of a package's file below `directory`. Downloads the file if it is not there.
pub fn package_file(archive: &Archive, package: &str, directory: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(directory.join(package)).into_iter().flatten().flatten();
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    if let Some(deb) = entries.map(|entry| entry.path()).find(is_package) {
        return Ok(deb);
    }
    eprintln!("vm: downloading {package}");
    archive.download(package, directory)
}

/// Extracts the kernel image from a package: `./boot/vmlinuz-VERSION` or, since 6.19,
/// `./usr/lib/modules/VERSION/vmlinuz`.
fn unpack(deb: &Path, image: &Path) -> Result<()> {
    let partial = image.with_extension("partial");
    extract(deb, &["./boot/vmlinuz-*", "./usr/lib/modules/*/vmlinuz", "./lib/modules/*/vmlinuz"], &partial)?;
    if partial.metadata().map_or(0, |metadata| metadata.len()) < 1 << 20 {
        bail!("{} holds no kernel image", deb.display());
    }
    fs::rename(&partial, image).with_context(|| format!("cannot rename {}", partial.display()))
}

/// Extracts from a package the file that matches one of the patterns, and writes it to `target`. Without a match,
/// `target` is empty.
pub fn extract(deb: &Path, patterns: &[&str], target: &Path) -> Result<()> {
    let directory = target.parent().context("a file lies in a directory")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut dpkg = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let files = dpkg.stdout.take().context("dpkg-deb has no standard output")?;
    let target = fs::File::create(target).with_context(|| format!("cannot make {}", target.display()))?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--to-stdout", "--wildcards"])
        .args(patterns)
        .stdin(files)
        .stdout(target)
        // tar reports an error for every pattern without a match.
        .stderr(Stdio::null());
    let _ = tar.status().context("cannot start tar")?;
    // tar stops reading early, so dpkg-deb's exit status means little. The caller checks the file.
    dpkg.wait().context("cannot wait for dpkg-deb").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 13] = [
        "linux-image-5.10.0-9-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64",
        "linux-image-6.1.0-50-cloud-amd64",
        "linux-image-6.1.0-47-cloud-amd64",
        "linux-image-6.12.9+deb12-cloud-amd64",
        "linux-image-6.12.90+deb12.1-cloud-amd64",
        "linux-image-6.12.90+deb12-cloud-amd64",
        "linux-image-7.0.13+deb13-cloud-amd64",
        "linux-binary-7.0.13+deb13-cloud-amd64",
        "linux-binary-unsigned-7.9.1+deb13-cloud-amd64",
        "linux-image-cloud-amd64",
        "linux-image-6.1.0-60-amd64",
    ];

    #[test]
    fn the_newest_of_each_series() {
        let cases = [
            ("5.10", Some("linux-image-5.10.0-46-cloud-amd64")),
            ("6.1", Some("linux-image-6.1.0-50-cloud-amd64")),
            ("6.12", Some("linux-image-6.12.90+deb12.1-cloud-amd64")),
            ("7.0", Some("linux-binary-7.0.13+deb13-cloud-amd64")),
            ("newest", Some("linux-binary-7.0.13+deb13-cloud-amd64")),
            ("5.1", None),
            ("4.19", None),
        ];
        for (series, expected) in cases {
            let found = newest(NAMES, &series.parse().unwrap(), Architecture::Amd64);
            assert_eq!(found.map(|package| package.name).as_deref(), expected, "{series}");
        }
        assert_eq!(newest(NAMES, &Series::Newest, Architecture::Arm64), None);
    }

    #[test]
    fn a_series_is_two_numbers() {
        for good in ["5.10", "6.1", "newest"] {
            assert_eq!(good.parse::<Series>().unwrap().to_string(), good);
        }
        for bad in ["", "6", "6.x", "6.1.0", "latest"] {
            assert!(bad.parse::<Series>().is_err(), "{bad}");
        }
    }
}
