//! Finds libraries that print: a library returns values and leaves the terminal to the program that calls it.
//!
//! Reads lines, not Rust. It trusts what rustfmt guarantees, that the end of an item stands at the indentation of its
//! beginning.

use std::fs;
use std::path::Path;

use crate::workspace;

const PRINTING: [&str; 5] = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];

/// Every printing macro in the sources of the library at `folder`, outside of its tests, as `path:line: what`.
pub(crate) fn problems(root: &Path, folder: &str) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for path in workspace::files_under(&root.join(folder).join("src"))? {
        // `#[cfg(test)] mod tests;` puts the tests in a file of this name.
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if !is_source || path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path)
            .map_err(|source| format!("{}: cannot read it: {source}", path.display()))?;
        let shown = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string()
            .replace('\\', "/");
        problems.extend(printing_lines(&text).into_iter().map(|(line, name)| {
            format!("{shown}:{line}: a library calls {name}: return the text, or use `tracing`")
        }));
    }
    Ok(problems)
}

/// The printing macros of a source text with their lines, from 1.
fn printing_lines(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if is_test_attribute(line.trim()) {
            skip_item(indentation(line), &mut lines);
            continue;
        }
        let code = line.split_once("//").map_or(line, |(code, _)| code);
        found.extend(
            PRINTING
                .iter()
                .find(|name| calls(code, name))
                .map(|&name| (index + 1, name)),
        );
    }
    found
}

fn is_test_attribute(line: &str) -> bool {
    line == "#[test]" || line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test,")
}

/// Passes over the item that an attribute at this indentation belongs to.
fn skip_item<'a>(indent: usize, lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let mut begun = false;
    for (_, line) in lines {
        let code = line.trim();
        if indentation(line) != indent
            || code.is_empty()
            || code.starts_with("#[")
            || code.starts_with("//")
        {
            continue;
        }
        let ends = if begun {
            code.starts_with('}')
        } else {
            code.ends_with(['}', ';'])
        };
        if ends {
            return;
        }
        begun = true;
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether the macro `name` is called in `code`, and not merely one whose name ends alike.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_printing_and_leaves_tests_and_comments_alone() {
        let text = r#"//! println!("in the docs")
fn loud() {
    eprintln!("one"); // println!
    my_println!("not ours to judge");
}

#[cfg(test)]
#[allow(dead_code)]
mod tests {
    fn quiet() {
        println!("allowed");
    }

    #[test]
    fn law() {
        dbg!(1);
    }
}

#[cfg(test)]
use std::fmt;

mod inner {
    #[cfg(test)]
    mod tests {
        fn f() {
            print!("allowed");
        }
    }

    fn loud() {
        std::print!("two");
    }
}
"#;
        assert_eq!(printing_lines(text), [(3, "eprintln!"), (32, "print!")]);
    }
}
