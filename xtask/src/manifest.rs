//! Reads what the layers check needs from a `Cargo.toml`: its name, its members, its dependencies.
//!
//! A line-based reader, not a TOML parser: it knows the ways in which a dependency is written and passes over the rest.

use std::fs;
use std::path::Path;

/// Which table a dependency stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[dependencies]`, also of one target.
    Normal,
    /// `[dev-dependencies]`, also of one target.
    Dev,
    /// `[build-dependencies]`, also of one target.
    Build,
    /// `[workspace.dependencies]`, in the root manifest.
    Workspace,
}

/// One dependency of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The name on the left, which a `package = ".."` may differ from.
    pub(crate) key: String,
    /// The package's own name, where the manifest renames it.
    pub(crate) package: Option<String>,
    /// The table it stands in.
    pub(crate) kind: Kind,
    /// The line, from 1, on which it stands.
    pub(crate) line: usize,
}

/// What a `Cargo.toml` says, as far as the layers check asks.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// `package.name`, empty in a manifest that has none.
    pub(crate) name: String,
    /// `workspace.members`.
    pub(crate) members: Vec<String>,
    /// The dependencies of all tables, in the order of the file.
    pub(crate) dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Reads the manifest at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|source| format!("{}: cannot read it: {source}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Reads the text of a manifest.
    pub(crate) fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut table = Vec::new();
        for (line, text) in statements(text) {
            if text.starts_with('[') {
                table = keys(text.trim_matches(['[', ']']));
                // `[dependencies.name]` names its dependency in the header.
                if let Some((kind, [key])) = dependency_path(&table) {
                    manifest.add(kind, key, line);
                }
            } else if let Some((left, value)) = split_outside_quotes(&text, '=') {
                let mut path = table.clone();
                path.extend(keys(left));
                manifest.statement(&path, value.trim(), line);
            }
        }
        manifest
    }

    fn statement(&mut self, path: &[String], value: &str, line: usize) {
        match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["package", "name"] => self.name = unquote(value).to_owned(),
            ["workspace", "members"] => {
                self.members = elements(value)
                    .into_iter()
                    .map(|v| unquote(v).to_owned())
                    .collect();
            }
            _ => {}
        }
        let Some((kind, [key, rest @ ..])) = dependency_path(path) else {
            return;
        };
        let dependency = self.add(kind, key, line);
        if let [attribute] = rest {
            dependency.rename_by(attribute, value);
        } else if value.starts_with('{') {
            for element in elements(value) {
                if let Some((attribute, value)) = split_outside_quotes(element, '=') {
                    dependency.rename_by(attribute.trim(), value.trim());
                }
            }
        }
    }

    /// The dependency of this kind and key: a new one, unless an earlier line has already named it.
    fn add(&mut self, kind: Kind, key: &str, line: usize) -> &mut Dependency {
        let known = self
            .dependencies
            .iter()
            .position(|d| d.kind == kind && d.key == key);
        let index = known.unwrap_or_else(|| {
            self.dependencies.push(Dependency {
                key: key.to_owned(),
                package: None,
                kind,
                line,
            });
            self.dependencies.len() - 1
        });
        &mut self.dependencies[index]
    }
}

impl Dependency {
    fn rename_by(&mut self, attribute: &str, value: &str) {
        if attribute == "package" {
            self.package = Some(unquote(value).to_owned());
        }
    }
}

/// The kind of a path of keys that leads into a dependency table, and the keys behind it.
fn dependency_path(path: &[String]) -> Option<(Kind, &[String])> {
    let (table, rest) = match path {
        [workspace, table, rest @ ..] if workspace == "workspace" && table == "dependencies" => {
            return Some((Kind::Workspace, rest));
        }
        [target, _, table, rest @ ..] if target == "target" => (table, rest),
        [table, rest @ ..] => (table, rest),
        [] => return None,
    };
    let kind = match table.as_str() {
        "dependencies" => Kind::Normal,
        "dev-dependencies" => Kind::Dev,
        "build-dependencies" => Kind::Build,
        _ => return None,
    };
    Some((kind, rest))
}

/// The statements of a TOML text with the line on which each begins: comments are dropped, and lines are joined until
/// their brackets close.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let line = split_outside_quotes(line, '#')
            .map_or(line, |(before, _)| before)
            .trim();
        if line.is_empty() {
            continue;
        }
        match found.last_mut() {
            Some((_, statement)) if open > 0 => {
                statement.push(' ');
                statement.push_str(line);
            }
            _ => found.push((index + 1, line.to_owned())),
        }
        for c in outside_quotes(line).map(|(_, c)| c) {
            match c {
                '[' | '{' => open += 1,
                ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
    }
    found
}

/// The characters of `text` that stand outside of quotes, with their byte positions; the quotes themselves are left out.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().filter(move |&(_, c)| match quote {
        None if c == '"' || c == '\'' => {
            quote = Some(c);
            false
        }
        None => true,
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(open) => {
            escaped = open == '"' && c == '\\';
            if c == open {
                quote = None;
            }
            false
        }
    })
}

fn split_outside_quotes(text: &str, separator: char) -> Option<(&str, &str)> {
    let (at, _) = outside_quotes(text).find(|&(_, c)| c == separator)?;
    Some((&text[..at], &text[at + separator.len_utf8()..]))
}

/// The parts of a dotted key: `target.'cfg(unix)'.dependencies` has three.
fn keys(dotted: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = dotted;
    while let Some((part, behind)) = split_outside_quotes(rest, '.') {
        parts.push(unquote(part).to_owned());
        rest = behind;
    }
    parts.push(unquote(rest).to_owned());
    parts
}

/// The elements of an array or an inline table, split at the commas of its first level.
fn elements(value: &str) -> Vec<&str> {
    let inner = value.trim();
    let inner = inner.strip_prefix(['[', '{']).unwrap_or(inner);
    let inner = inner.strip_suffix([']', '}']).unwrap_or(inner);
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, c) in outside_quotes(inner) {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn unquote(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_WAY: &str = r##"
[package]
name = "toy" # a comment with "quotes"
description = "not = a # dependency"

[features]
flex = ["burn/flex", "dep:not-listed"]

[dependencies]
plain = "1"
inherited.workspace = true
inline = { version = "1", features = ["a,b", "c"] }
spread = { version = "1", features = [
    "one", # with a comment
    "two",
] }
"quoted" = "1"
nickname = { package = "real-name", version = "1" }

[dependencies.tabled]
version = "1"
package = "tabled-name"

[target.'cfg(not(target_os = "linux"))'.dependencies]
elsewhere = "1"

[dev-dependencies]
tested.workspace = true
tested.features = ["x"]

[build-dependencies]
built = "1"

[lints]
workspace = true
"##;

    #[test]
    fn finds_a_dependency_however_it_is_written() {
        let manifest = Manifest::parse(EVERY_WAY);
        let found: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|d| (d.key.as_str(), d.package.as_deref(), d.kind, d.line))
            .collect();
        assert_eq!(manifest.name, "toy");
        assert_eq!(
            found,
            [
                ("plain", None, Kind::Normal, 10),
                ("inherited", None, Kind::Normal, 11),
                ("inline", None, Kind::Normal, 12),
                ("spread", None, Kind::Normal, 13),
                ("quoted", None, Kind::Normal, 17),
                ("nickname", Some("real-name"), Kind::Normal, 18),
                ("tabled", Some("tabled-name"), Kind::Normal, 20),
                ("elsewhere", None, Kind::Normal, 25),
                ("tested", None, Kind::Dev, 28),
                ("built", None, Kind::Build, 32),
            ]
        );
    }

    #[test]
    fn reads_the_members_of_a_workspace_and_its_shared_dependencies() {
        let manifest = Manifest::parse(
            "[workspace]\nmembers = [\n  \"crates/*\",\n  \"xtask\",\n]\n[workspace.dependencies]\nb = { package = \"burn\" }\n",
        );
        assert_eq!(manifest.members, ["crates/*", "xtask"]);
        assert_eq!(manifest.dependencies[0].package.as_deref(), Some("burn"));
        assert_eq!(manifest.dependencies[0].kind, Kind::Workspace);
    }
}
