//! The commit that is checked out, read from the files of the repository.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// What a file of one line may have.
const LINE: u64 = 4 << 10;
/// What the file of packed references may have; a repository with a million of them has about this.
const PACKED: u64 = 64 << 20;
/// How often a reference may name another one.
const LINKS: usize = 5;

/// The commit that is checked out in the repository to which `folder` belongs: 40 or 64 hexadecimal digits.
///
/// The files are read as `gitrepository-layout(5)` describes them, without the program `git`: `HEAD`, the branch it names, the packed
/// references, and the `.git` file of a worktree or submodule. Whether files were changed since that commit is not looked at.
///
/// It never fails: nothing outside a repository, before its first commit, or in one whose layout is another (`reftable`).
pub fn git_commit(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let git = folder
        .ancestors()
        .map(|above| above.join(".git"))
        .find(|git| git.exists())?;
    let git = if git.is_dir() {
        git
    } else {
        let line = line_of(&git)?;
        git.parent()?.join(line.strip_prefix("gitdir:")?.trim())
    };
    // A worktree has its own HEAD; its branches are those of the repository it belongs to.
    let common = match line_of(&git.join("commondir")) {
        Some(line) => git.join(line),
        None => git.clone(),
    };
    let mut found = line_of(&git.join("HEAD"))?;
    for _ in 0..LINKS {
        let Some(name) = found.strip_prefix("ref:").map(str::trim) else {
            return is_commit(&found).then_some(found);
        };
        found = reference(name, &git, &common)?;
    }
    None
}

/// What the reference of this name says: a commit or another reference.
fn reference(name: &str, git: &Path, common: &Path) -> Option<String> {
    // Nothing outside the repository is read, whatever a file in it says.
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    if !name.starts_with("refs/") || !name.split('/').all(plain) {
        return None;
    }
    line_of(&git.join(name))
        .or_else(|| line_of(&common.join(name)))
        .or_else(|| packed(name, &common.join("packed-refs")))
}

fn packed(name: &str, path: &PathBuf) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let file = BufReader::new(File::open(path).ok()?.take(PACKED));
    file.lines().map_while(Result::ok).find_map(|line| {
        let (commit, of) = line.split_once(' ')?;
        (of.trim_end() == name).then(|| commit.to_owned())
    })
}

/// The first line of a small file, without white space at its ends.
fn line_of(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LINE)
        .read_to_string(&mut text)
        .ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A folder below a repository whose HEAD says this.
    fn repository(head: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join(".git/HEAD"), head);
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        (folder, below)
    }

    #[test]
    fn a_detached_head_is_the_commit() {
        let (_folder, below) = repository(&format!("{COMMIT}\n"));
        assert_eq!(git_commit(&below).as_deref(), Some(COMMIT));
    }

    #[test]
    fn a_branch_is_followed_loose_or_packed() {
        let (folder, below) = repository("ref: refs/heads/feature/x\n");
        assert_eq!(git_commit(&below), None, "before the first commit");
        let other = COMMIT.replace('0', "f");
        let packed = format!(
            "# pack-refs with: peeled fully-peeled sorted \n{other} refs/heads/feature/xy\n{COMMIT} refs/heads/feature/x\n^{other}\n"
        );
        write(folder.path().join(".git/packed-refs"), &packed);
        assert_eq!(git_commit(&below).as_deref(), Some(COMMIT));
        // A loose reference is newer than the packed one.
        write(folder.path().join(".git/refs/heads/feature/x"), &other);
        assert_eq!(git_commit(&below), Some(other));
    }

    #[test]
    fn a_worktree_finds_its_branch_in_the_repository() {
        let (folder, _) = repository("ref: refs/heads/main\n");
        let root = folder.path();
        write(
            root.join(".git/worktrees/w/HEAD"),
            "ref: refs/heads/topic\n",
        );
        write(root.join(".git/worktrees/w/commondir"), "../..\n");
        write(root.join(".git/refs/heads/topic"), COMMIT);
        let git = root.join(".git/worktrees/w");
        write(root.join("w/.git"), &format!("gitdir: {}\n", git.display()));
        assert_eq!(git_commit(&root.join("w")).as_deref(), Some(COMMIT));
        // A submodule names its folder from where its file is.
        write(root.join("w/.git"), "gitdir: ../.git/worktrees/w\n");
        assert_eq!(git_commit(&root.join("w")).as_deref(), Some(COMMIT));
    }

    #[test]
    fn anything_else_is_unknown() {
        for head in [
            "",
            "\0\u{fffd}",
            "0123",
            "ref: ",
            "ref: refs/heads/.invalid",
            "ref: refs/../../../outside",
            "ref: /etc/hostname",
            "ref: refs/heads/loop",
        ] {
            let (folder, below) = repository(head);
            write(
                folder.path().join(".git/refs/heads/loop"),
                "ref: refs/heads/loop",
            );
            write(folder.path().join("outside"), COMMIT);
            assert_eq!(git_commit(&below), None, "{head}");
        }
        let (folder, below) = repository("");
        fs::write(folder.path().join(".git/HEAD"), [0xff, 0xfe, b'\n']).unwrap();
        assert_eq!(git_commit(&below), None);
        assert_eq!(git_commit(&below.join("absent")), None);
    }
}
