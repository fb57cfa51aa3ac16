//! The techniques of MITRE ATT&CK that an alert indicates.

use serde_json::Value;

use super::{
    attack_table::{TACTICS, TECHNIQUES, Technique},
    object::Object,
    source::Source,
};

/// Returns one attack for each technique and tactic. A technique with a subtechnique is listed with it only.
pub(super) fn of(source: Source<'_>) -> Vec<Value> {
    source.skip_all(&["threat.framework"]);
    let techniques = source.texts("threat.technique.id");
    let subtechniques = source.texts("threat.technique.subtechnique.id");
    let is_alone = |id: &&&str| !subtechniques.iter().any(|sub| parent(sub) == **id);
    let alone = techniques.iter().filter(is_alone).flat_map(|id| attacks(id, None));
    subtechniques.iter().flat_map(|sub| attacks(parent(sub), Some(sub))).chain(alone).collect()
}

fn parent(subtechnique: &str) -> &str {
    subtechnique.split_once('.').map_or(subtechnique, |(parent, _)| parent)
}

fn find(id: &str) -> Option<&'static Technique> {
    TECHNIQUES.iter().find(|technique| technique.id == id)
}

fn attacks(technique: &str, subtechnique: Option<&str>) -> Vec<Value> {
    let tactics = find(subtechnique.unwrap_or(technique)).map_or(&[""][..], |found| found.tactics);
    let one = |tactic: &&str| {
        let attack = Object::default()
            .with("technique", named(technique))
            .with("sub_technique", subtechnique.map(named))
            .with("tactic", tactic_of(tactic));
        attack.into()
    };
    tactics.iter().map(one).collect()
}

fn named(id: &str) -> Object {
    let link = format!("https://attack.mitre.org/techniques/{}/", id.replace('.', "/"));
    let link = find(id).map(|_| link);
    Object::default().with("uid", id).with("name", find(id).map(|found| found.name)).with("src_url", link)
}

fn tactic_of(id: &str) -> Option<Object> {
    let (id, name) = TACTICS.iter().find(|(known, _)| *known == id)?;
    Some(Object::default().with("uid", *id).with("name", *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A technique that a new signal indicates needs a row.
    #[test]
    fn the_table_has_every_technique_of_the_signals() {
        for signal in crate::detect::catalogue() {
            for id in signal.techniques {
                for id in [id, parent(id)] {
                    let found = find(id).unwrap_or_else(|| panic!("the table lacks {id}"));
                    assert!(
                        !found.tactics.is_empty() && found.tactics.iter().all(|it| tactic_of(it).is_some())
                    );
                }
            }
        }
    }
}
