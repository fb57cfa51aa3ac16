//! The document in CycloneDX's JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::compiler::Compiler;
use super::details::Details;
use super::graph::{Graph, Package};
use super::sha256;

/// Who makes minerwatch, as in the `.deb`.
const AUTHORS: &str = "The minerwatch authors";

/// Everything the document is made from.
pub struct Inputs<'a> {
    /// Target triple of the executable.
    pub target: &'a str,
    /// SHA-256 checksum of the executable, in hexadecimal digits.
    pub executable: &'a str,
    /// Time of the commit in seconds since 1970.
    pub time: u64,
    /// The compiler.
    pub compiler: &'a Compiler,
    /// The packages.
    pub graph: &'a Graph,
    /// What is known about each of them.
    pub details: &'a BTreeMap<Package, Details>,
}

impl Inputs<'_> {
    /// Returns the document. Its serial number is derived from its contents.
    pub fn document(&self) -> Result<String> {
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": self.metadata()?,
            "components": self.components()?,
            "dependencies": self.dependencies()?,
        });
        document["serialNumber"] = serial_number(&sha256(document.to_string().as_bytes())?).into();
        let mut text =
            serde_json::to_string_pretty(&document).context("cannot write the document as JSON")?;
        text.push('\n');
        Ok(text)
    }

    fn metadata(&self) -> Result<Value> {
        let seconds = i64::try_from(self.time).context("the commit is too far in the future")?;
        let time =
            OffsetDateTime::from_unix_timestamp(seconds).context("the time of the commit is no date")?;
        let mut program = self.component(&self.graph.root)?;
        program["type"] = "application".into();
        program["hashes"] = hashes(self.executable);
        program["supplier"] = json!({ "name": AUTHORS });
        program["properties"] = json!([{ "name": "minerwatch:target", "value": self.target }]);
        Ok(json!({
            "timestamp": time.format(&Rfc3339).context("the time of the commit is no date")?,
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [
                { "type": "application", "name": "cargo xtask package", "version": env!("CARGO_PKG_VERSION") },
                { "type": "application", "name": "rustc", "version": self.compiler.release },
            ] },
            "authors": [{ "name": AUTHORS }],
            "component": program,
        }))
    }

    /// All components except the program itself, in the order of their names.
    fn components(&self) -> Result<Vec<Value>> {
        let packages = self.graph.edges.keys().filter(|package| **package != self.graph.root);
        let mut components = packages.map(|package| self.component(package)).collect::<Result<Vec<_>>>()?;
        components.extend(self.of_compiler());
        Ok(components)
    }

    fn component(&self, package: &Package) -> Result<Value> {
        let details = self.details_of(package)?;
        let purl = purl(package, details)?;
        let scope = if self.graph.linked.contains(package) { "required" } else { "excluded" };
        let mut component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": package.name,
            "version": package.version,
            "scope": scope,
            "purl": purl,
        });
        if let Some(licence) = &details.licence {
            component["licenses"] = json!([{ "expression": expression(licence) }]);
        }
        if let Some(checksum) = &details.checksum {
            component["hashes"] = hashes(checksum);
        }
        if let Some(repository) = &details.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        Ok(component)
    }

    /// What the compiler adds to every static executable. It does not tell the version of musl.
    fn of_compiler(&self) -> [Value; 2] {
        let Compiler { release, .. } = self.compiler;
        let standard_library = json!({
            "type": "library",
            "bom-ref": self.standard_library(),
            "name": "rust-std",
            "version": release,
            "description": "Rust's standard library",
            "scope": "required",
            "cpe": format!("cpe:2.3:a:rust-lang:rust:{release}:*:*:*:*:*:*:*"),
            "purl": self.standard_library(),
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        });
        let musl = json!({
            "type": "library",
            "bom-ref": MUSL,
            "name": "musl",
            "description": format!("The C library that comes with Rust {release}"),
            "scope": "required",
            "purl": MUSL,
            "licenses": [{ "expression": "MIT" }],
        });
        [standard_library, musl]
    }

    fn standard_library(&self) -> String {
        format!("pkg:generic/rust-std@{}", encoded(&self.compiler.release))
    }

    fn dependencies(&self) -> Result<Vec<Value>> {
        let mut dependencies = Vec::new();
        for (package, needed) in &self.graph.edges {
            let mut needed = needed.iter().map(|it| self.reference(it)).collect::<Result<Vec<_>>>()?;
            if *package == self.graph.root {
                needed.push(self.standard_library());
            }
            dependencies.push(json!({ "ref": self.reference(package)?, "dependsOn": needed }));
        }
        dependencies.push(json!({ "ref": self.standard_library(), "dependsOn": [MUSL] }));
        dependencies.push(json!({ "ref": MUSL, "dependsOn": [] }));
        Ok(dependencies)
    }

    fn reference(&self, package: &Package) -> Result<String> {
        purl(package, self.details_of(package)?)
    }

    fn details_of(&self, package: &Package) -> Result<&Details> {
        self.details.get(package).with_context(|| format!("cargo metadata does not list {package}"))
    }
}

/// The identifier of musl.
const MUSL: &str = "pkg:generic/musl";

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

/// Returns the package URL. `cargo` means the public registry of Rust. Members of the workspace are not there, so they are
/// `generic`: another crate of the same name must not be taken for them.
fn purl(package: &Package, details: &Details) -> Result<String> {
    let kind = match details.source.as_deref() {
        None => "generic",
        Some("registry+https://github.com/rust-lang/crates.io-index") => "cargo",
        Some(other) => {
            bail!("{package} comes from {other}, and only the public registry of Rust is known here")
        }
    };
    Ok(format!("pkg:{kind}/{}@{}", encoded(&package.name), encoded(&package.version)))
}

/// Encodes the characters that a package URL reserves, such as the `+` of versions.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns a licence as an expression of SPDX. Old packages write `MIT/Apache-2.0` for a choice.
fn expression(licence: &str) -> String {
    licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

/// Makes a UUID of version 8, the version for rules of one's own, from the first digits of a checksum.
fn serial_number(sha256: &str) -> String {
    let digits = |range| sha256.get(range).unwrap_or_default();
    // The two highest bits of this digit are `10`, and the others are free.
    let variant = match digits(16..17) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        digits(0..8),
        digits(8..12),
        digits(13..16),
        digits(17..20),
        digits(20..32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_name_the_registry() {
        let package = Package { name: "toml".into(), version: "1.2.1+spec-1.1.0".into() };
        let from = |source: Option<&str>| Details { source: source.map(Into::into), ..Details::default() };
        let registry = from(Some("registry+https://github.com/rust-lang/crates.io-index"));
        assert_eq!(purl(&package, &registry).unwrap(), "pkg:cargo/toml@1.2.1%2Bspec-1.1.0");
        assert_eq!(purl(&package, &from(None)).unwrap(), "pkg:generic/toml@1.2.1%2Bspec-1.1.0");
        assert!(purl(&package, &from(Some("git+https://example.org/toml"))).is_err());
    }

    #[test]
    fn old_licences_become_expressions() {
        let cases = [
            ("MIT", "MIT"),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            ("MIT / Apache-2.0", "MIT OR Apache-2.0"),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0"),
        ];
        for (licence, expected) in cases {
            assert_eq!(expression(licence), expected);
        }
    }

    #[test]
    fn serial_numbers_are_uuids_of_version_8() {
        let sum = "0123456789abcdeffedcba9876543210ffffffffffffffffffffffffffffffff";
        assert_eq!(serial_number(sum), "urn:uuid:01234567-89ab-8def-bedc-ba9876543210");
        let variant =
            |digit: &str| serial_number(&sum.replace("fedc", &format!("{digit}edc"))).chars().nth(28);
        assert_eq!(["0", "5", "a", "f"].map(variant), ['8', '9', 'a', 'b'].map(Some));
    }
}
