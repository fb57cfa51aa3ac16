//! The tables of `docs/metrics.md`.

use super::families;

/// Returns the tables of all metrics as Markdown, with a heading for each group.
pub fn tables() -> String {
    let mut page = String::new();
    for (heading, group) in families::groups() {
        page.extend(["### ", heading, "\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n"]);
        for family in group {
            let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            // A histogram is named without its suffixes.
            let name = match family.series().as_slice() {
                [name] => name.clone(),
                _ => family.name.to_owned(),
            };
            let (kind, labels, help) = (family.kind.name(), labels.join(", "), family.help);
            page.extend(["| `", &name, "` | ", kind, " | ", &labels, " | ", help, " |\n"]);
        }
        page.push('\n');
    }
    page
}

/// Returns the name of every time series that a server stores.
pub fn series() -> Vec<String> {
    families::all().flat_map(super::family::Family::series).collect()
}
