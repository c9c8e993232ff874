//! What makes two rows belong to the same search.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::{Direction, Space};

/// Goal, seed and space of a study: `minimise:7:9f86d081884c7d65`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StudyId {
    pub(crate) direction: Direction,
    pub(crate) seed: u64,
    /// The first eight bytes of the SHA-256 of the space as TOML.
    digest: String,
}

impl StudyId {
    pub(crate) fn new(space: &Space, direction: Direction, seed: u64) -> Self {
        let hash = Sha256::digest(space.to_toml());
        let digest = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
        Self {
            direction,
            seed,
            digest: digest.collect(),
        }
    }
}

impl fmt::Display for StudyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.direction, self.seed, self.digest)
    }
}

impl FromStr for StudyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (direction, rest) = text.split_once(':')?;
            let (seed, digest) = rest.split_once(':')?;
            let direction = match direction {
                "minimise" => Direction::Minimise,
                "maximise" => Direction::Maximise,
                _ => return None,
            };
            Some(Self {
                direction,
                seed: seed.parse().ok()?,
                digest: digest.to_owned(),
            })
        };
        parse().ok_or_else(|| {
            format!(
                "`study` is `{}`: expected goal, seed and digest, such as `minimise:7:9f86d081884c7d65`",
                text.escape_debug()
            )
        })
    }
}
