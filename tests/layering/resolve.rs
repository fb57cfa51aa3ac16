//! From a path as it is written to what it means.

use crate::tree::{Mention, Names, Tree};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Something of this crate: the path from its root.
    Own(Names),
    /// Something of another crate: its name first.
    Foreign(Names),
    /// A local name: a type's constant, a generic parameter.
    Local,
}

/// An import through an import through an import…: more than any tree has.
const DEPTH: usize = 16;

impl Tree {
    /// What a path in `module` means, before re-exports are followed: whom the author names.
    pub fn written(&self, module: &[String], path: &[String]) -> Target {
        self.absolute(module, path, 0)
    }

    /// The module that a path of this crate leads to in the end, re-exports followed.
    pub fn home(&self, path: &[String]) -> Names {
        self.home_within(path, 0)
    }

    /// The deepest module along a path of this crate.
    pub fn module_of(&self, path: &[String]) -> Names {
        let longest = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]));
        path[..longest.unwrap_or(0)].to_vec()
    }

    /// Every module of this crate that a mention leads to: the one it names and the one that has what it names.
    pub fn modules_of(&self, module: &[String], mention: &Mention) -> Vec<Names> {
        match self.written(module, &mention.path) {
            Target::Own(path) => vec![self.module_of(&path), self.home(&path)],
            Target::Foreign(_) | Target::Local => Vec::new(),
        }
    }

    fn absolute(&self, module: &[String], path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Own(module.to_vec()) };
        match first.as_str() {
            "crate" => return Target::Own(rest.to_vec()),
            "self" => return self.inside(module, rest, depth),
            "super" => {
                let parent = &module[..module.len().saturating_sub(1)];
                return self.inside(parent, rest, depth);
            }
            _ => {}
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return Target::Own([&child, rest].concat());
        }
        let here = &self.modules[module];
        if let Some(import) = here.imports.get(first).filter(|import| import[..] != path[..] && depth < DEPTH)
        {
            // `use tokio;` and the like lead to themselves.
            if import.len() == 1 && import[0] == *first {
                return Target::Foreign(path.to_vec());
            }
            return self.absolute(module, &[import, rest].concat(), depth + 1);
        }
        if here.items.contains(first) || first == "Self" || first.starts_with(char::is_uppercase) {
            return Target::Local;
        }
        Target::Foreign(path.to_vec())
    }

    /// A path that goes on from `module`: further `super`, or names in it.
    fn inside(&self, module: &[String], rest: &[String], depth: usize) -> Target {
        match rest.first().map(String::as_str) {
            Some("super" | "self") => self.absolute(module, rest, depth),
            _ => Target::Own([module, rest].concat()),
        }
    }

    fn home_within(&self, path: &[String], depth: usize) -> Names {
        let module = self.module_of(path);
        let Some(name) = path.get(module.len()).filter(|_| depth < DEPTH) else { return module };
        let here = &self.modules[&module];
        if here.items.contains(name) {
            return module;
        }
        let follow = |import: &Names| match self.absolute(&module, import, depth + 1) {
            Target::Own(target) if target[..] != path[..] => Some(self.home_within(&target, depth + 1)),
            _ => None,
        };
        if let Some(import) = here.imports.get(name) {
            return follow(import).unwrap_or(module);
        }
        let by_glob = here.globs.iter().filter_map(|glob| match self.absolute(&module, glob, depth + 1) {
            Target::Own(target) if target != module => {
                let inner = [&target[..], std::slice::from_ref(name)].concat();
                let home = self.home_within(&inner, depth + 1);
                self.modules[&home].items.contains(name).then_some(home)
            }
            _ => None,
        });
        by_glob.into_iter().next().unwrap_or(module)
    }
}
