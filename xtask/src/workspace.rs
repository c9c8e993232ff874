//! Where the workspace is, and which packages are its members.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;

/// The folder of the root `Cargo.toml`: the parent of this package's own folder.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A member of the workspace.
pub(crate) struct Member {
    /// Its folder, relative to the root, with forward slashes: `crates/hairpin-seq`.
    pub(crate) folder: String,
    /// Its `Cargo.toml`.
    pub(crate) manifest: Manifest,
}

/// Every member that the root manifest names, in the order of their folders.
pub(crate) fn members(root: &Path, root_manifest: &Manifest) -> Result<Vec<Member>, String> {
    let mut folders = Vec::new();
    for pattern in &root_manifest.members {
        match pattern.strip_suffix("/*") {
            None => folders.push(pattern.clone()),
            Some(parent) => folders.extend(
                children(&root.join(parent))?
                    .into_iter()
                    .filter(|name| root.join(parent).join(name).join("Cargo.toml").is_file())
                    .map(|name| format!("{parent}/{name}")),
            ),
        }
    }
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let manifest = Manifest::read(&root.join(&folder).join("Cargo.toml"))?;
            Ok(Member { folder, manifest })
        })
        .collect()
}

/// Every file under `folder`, in the order of their paths; none when the folder does not exist.
pub(crate) fn files_under(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for name in children(folder)? {
            let path = folder.join(name);
            if path.is_dir() {
                found.extend(files_under(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn children(folder: &Path) -> Result<Vec<String>, String> {
    let cannot_read = |source| format!("{}: cannot list the folder: {source}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        let name = entry.map_err(cannot_read)?.file_name();
        match name.into_string() {
            Ok(name) => names.push(name),
            Err(name) => {
                return Err(format!(
                    "{}: a file name is not UTF-8: {name:?}",
                    folder.display()
                ));
            }
        }
    }
    names.sort();
    Ok(names)
}
