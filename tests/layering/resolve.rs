//! Resolves paths from the source to modules and items.

use crate::tree::{Mention, Names, Tree};

/// The target of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A module or item of this crate: its path from the crate root.
    Own(Names),
    /// A module or item of another crate: its path, which begins with the name of the crate.
    Foreign(Names),
    /// A local name, such as an associated constant or a generic parameter.
    Local,
}

/// Maximum length of a chain of imports. No real crate reaches the limit.
const DEPTH: usize = 16;

impl Tree {
    /// Resolves a path as the author of `module` wrote it, without following re-exports of other modules.
    pub fn written(&self, module: &[String], path: &[String]) -> Target {
        self.absolute(module, path, 0)
    }

    /// Returns the module that defines the target of a path of this crate, and follows re-exports.
    pub fn home(&self, path: &[String]) -> Names {
        self.home_within(path, 0)
    }

    /// Returns the deepest module along a path of this crate.
    pub fn module_of(&self, path: &[String]) -> Names {
        let longest = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]));
        path[..longest.unwrap_or(0)].to_vec()
    }

    /// Returns the modules of this crate that a mention leads to: the module in its path, and the module that defines
    /// the target.
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
            // An import such as `use tokio;` resolves to itself.
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

    /// Resolves the rest of a path relative to `module`. The rest may begin with another `super` or `self`.
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
