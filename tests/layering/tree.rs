//! Parses a crate and collects the paths that each module mentions.
//!
//! Modules are found by their declarations, as the compiler finds them. Items under `#[cfg(test)]` are left out,
//! because tests may import anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, ItemMacro, ItemMod, ItemUse, Macro, Meta, Token, UseTree, VisRestricted,
    ext::IdentExt as _, punctuated::Punctuated, visit::Visit,
};

/// The segments of a path, which begins at the crate root or with the name of another crate.
pub type Names = Vec<String>;

/// A path as it is written in a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The path as written, without a leading `::`.
    pub path: Names,
    /// Whether the mention is a glob import of the path.
    pub is_glob: bool,
    /// Line number of the mention.
    pub line: usize,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// File of the module, relative to the directory of the crate root.
    pub file: PathBuf,
    /// Imported paths, by local name.
    pub imports: BTreeMap<String, Names>,
    /// Paths of glob imports.
    pub globs: Vec<Names>,
    /// Names that the module itself defines.
    pub items: BTreeSet<String>,
    /// All paths in the module.
    pub mentions: Vec<Mention>,
    /// Line numbers of `unsafe` code.
    pub unsafe_lines: Vec<usize>,
}

/// The modules of a crate. The root module has the empty path.
#[derive(Debug, Default)]
pub struct Tree {
    /// The modules, by path.
    pub modules: BTreeMap<Names, Module>,
    /// Directory of the root file.
    directory: PathBuf,
}

impl Tree {
    /// Reads a crate from its root file.
    ///
    /// # Panics
    /// When a file is missing or is not valid Rust. The compiler would reject such a crate, too.
    pub fn read(root: &Path) -> Self {
        let directory = root.parent().expect("a file lies in a directory");
        let mut tree = Self { directory: directory.to_owned(), ..Self::default() };
        tree.read_file(&[], root, directory);
        tree
    }

    /// Parses a crate of one file with inline modules, for the tests of this checker.
    pub fn parse(text: &str) -> Self {
        let mut tree = Self::default();
        let file = syn::parse_file(text).expect("Rust");
        tree.add(&[], Path::new("lib.rs"), Path::new(""), &file.items);
        tree
    }

    fn read_file(&mut self, module: &[String], file: &Path, directory: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let File { items, .. } =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add(module, file, directory, &items);
    }

    /// Adds a module and its child modules. `directory` contains the files of the child modules.
    fn add(&mut self, module: &[String], file: &Path, directory: &Path, items: &[Item]) {
        let shown = file.strip_prefix(&self.directory).unwrap_or(file).to_owned();
        let mut reader = Reader { module: Module { file: shown, ..Module::default() } };
        let mut children = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) if !is_for_tests(&child.attrs) => children.push(child),
                _ => reader.visit_item(item),
            }
        }
        self.modules.insert(module.to_vec(), reader.module);
        for child in children {
            self.add_child(module, file, directory, child);
        }
    }

    fn add_child(&mut self, parent: &[String], file: &Path, directory: &Path, child: &ItemMod) {
        let name = child.ident.unraw().to_string();
        let path = [parent, std::slice::from_ref(&name)].concat();
        let below = directory.join(&name);
        if let Some((_, items)) = &child.content {
            return self.add(&path, file, &below, items);
        }
        let flat = directory.join(format!("{name}.rs"));
        let file = if flat.is_file() { flat } else { below.join("mod.rs") };
        self.read_file(&path, &file, &below);
    }
}

/// Whether an item is compiled for tests only: `cfg(test)`, or `cfg(all(…))` with `test` in it.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.flat_map(Attribute::parse_args::<Meta>).any(|condition| requires_test(&condition))
}

fn requires_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(requires_test)),
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}

/// Collects the content of one module. Each child module has a reader of its own.
struct Reader {
    module: Module,
}

impl Reader {
    fn mention(&mut self, path: Names, is_glob: bool, line: usize) {
        self.module.mentions.push(Mention { path, is_glob, line });
    }

    fn use_tree(&mut self, prefix: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                self.use_tree(&[prefix, &[path.ident.unraw().to_string()]].concat(), &path.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(prefix, tree)),
            UseTree::Name(name) => self.import(prefix, &name.ident, &name.ident),
            UseTree::Rename(rename) => self.import(prefix, &rename.ident, &rename.rename),
            UseTree::Glob(glob) => {
                self.module.globs.push(prefix.to_vec());
                self.mention(prefix.to_vec(), true, glob.star_token.spans[0].start().line);
            }
        }
    }

    /// Adds one import. `use a::b::{self}` imports `a::b` as `b`.
    fn import(&mut self, prefix: &[String], name: &syn::Ident, alias: &syn::Ident) {
        let line = name.span().start().line;
        let (name, mut alias) = (name.unraw().to_string(), alias.unraw().to_string());
        let mut path = prefix.to_vec();
        if name != "self" || prefix.is_empty() {
            path.push(name);
        }
        if alias == "self" {
            alias = path.last().cloned().unwrap_or_default();
        }
        self.module.imports.insert(alias, path.clone());
        self.mention(path, false, line);
    }

    /// Collects the paths in unparsed tokens, such as the arguments of a macro.
    fn tokens(&mut self, tokens: &TokenStream) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let (mut path, mut line) = (Names::new(), 0);
        let mut position = 0;
        while position < tokens.len() {
            match &tokens[position] {
                TokenTree::Ident(ident) => {
                    path.push(ident.unraw().to_string());
                    line = ident.span().start().line;
                    if is_path_separator(&tokens[position + 1..]) {
                        position += 3;
                        continue;
                    }
                }
                TokenTree::Group(group) => self.tokens(&group.stream()),
                _ => {}
            }
            self.end_of_path(&mut path, line);
            position += 1;
        }
        self.end_of_path(&mut path, line);
    }

    fn end_of_path(&mut self, path: &mut Names, line: usize) {
        if path.len() > 1 {
            self.mention(path.clone(), false, line);
        }
        path.clear();
    }
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    let is_colon =
        |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name): (&[Attribute], Option<&syn::Ident>) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Union(item) => (&item.attrs, Some(&item.ident)),
            Item::Macro(ItemMacro { attrs, ident, .. }) => (attrs, ident.as_ref()),
            Item::Impl(item) => (&item.attrs, None),
            Item::Mod(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            _ => (&[], None),
        };
        if is_for_tests(attributes) {
            return;
        }
        self.module.items.extend(name.map(|name| name.unraw().to_string()));
        syn::visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            self.note_unsafe(item.sig.unsafety);
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.use_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        if names.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.mention(names, false, line);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.tokens(&invocation.tokens);
        syn::visit::visit_macro(self, invocation);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(&list.tokens);
        }
    }

    /// Ignores `pub(in crate::x)`, which restricts visibility and imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_expr_unsafe(&mut self, expression: &'ast syn::ExprUnsafe) {
        self.note_unsafe(Some(expression.unsafe_token));
        syn::visit::visit_expr_unsafe(self, expression);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_unsafe(item.sig.unsafety);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note_unsafe(item.unsafety);
        syn::visit::visit_item_impl(self, item);
    }
}

impl Reader {
    fn note_unsafe(&mut self, token: Option<Token![unsafe]>) {
        self.module.unsafe_lines.extend(token.map(|token| token.span.start().line));
    }
}
