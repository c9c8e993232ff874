//! How probes fold: the probabilities of each base's loop context, calculated once for each file of probes.

use anyhow::{Context, Result, ensure};
use hairpin::fold::{Folder, LoopContext, Settings};
use hairpin::seq::{Rna, Seq};
use hairpin::train::RunDir;
use hairpin::train::manifest::DataFile;
use ndarray::{Array3, ArrayView3};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use std::path::Path;

/// Probes that are folded between two lines of progress.
const PIECE: usize = 8192;

/// The largest cache that is read or written, in bytes.
const CAP: u64 = 1 << 31;

/// `[probes, length, 5]`: paired, hairpin, internal or bulge, multiloop, exterior; without channels where nothing is folded.
#[derive(Debug, PartialEq)]
pub(crate) struct Structure {
    pub(crate) values: Vec<f32>,
    /// Bases of the longest probe.
    pub(crate) length: usize,
    pub(crate) channels: usize,
}

impl Structure {
    /// Nothing of each base.
    pub(crate) fn none(probes: &[Seq<Rna>]) -> Self {
        Self {
            values: Vec::new(),
            length: longest(probes),
            channels: 0,
        }
    }

    /// Folds the probes.
    pub(crate) fn fold(probes: &[Seq<Rna>]) -> Result<Self> {
        let folder = Folder::turner_2004(Settings::default())?;
        let (length, channels) = (longest(probes), LoopContext::COUNT);
        let mut values = vec![0.0; probes.len() * length * channels];
        let mut done = 0;
        for (piece, out) in probes
            .chunks(PIECE)
            .zip(values.chunks_mut(PIECE * length * channels))
        {
            let texts: Vec<String> = piece.iter().map(Seq::to_string).collect();
            folder
                .contexts_batch(&texts, length, out)
                .with_context(|| format!("probes {} and following", done + 1))?;
            done += piece.len();
            if done > PIECE {
                eprint!("\rfolded {done} of {} probes", probes.len());
            }
        }
        if probes.len() > PIECE {
            eprintln!();
        }
        Ok(Self {
            values,
            length,
            channels,
        })
    }

    /// The structure of some of the probes of a file, zero for the others; what was kept of all of them serves, too.
    pub(crate) fn of_rows(
        probes: &[Seq<Rna>],
        rows: &[usize],
        file: &Path,
        cache: &RunDir,
    ) -> Result<Self> {
        if rows.len() == probes.len() {
            return Self::of_file(probes, file, cache);
        }
        if let Some(kept) = Self::read(&Self::name(file)?, probes, cache) {
            return Ok(kept);
        }
        let own: Vec<Seq<Rna>> = rows.iter().map(|&row| probes[row].clone()).collect();
        let folded = Self::fold(&own)?;
        let (length, channels) = (longest(probes), folded.channels);
        let mut values = vec![0.0; probes.len() * length * channels];
        let width = folded.length * channels;
        for (&row, from) in rows.iter().zip(folded.values.chunks_exact(width)) {
            values[row * length * channels..][..width].copy_from_slice(from);
        }
        Ok(Self {
            values,
            length,
            channels,
        })
    }

    fn name(file: &Path) -> Result<String> {
        Ok(format!("structure/{}.npy", DataFile::read(file)?.sha256))
    }

    /// The structure of all probes of a file: read from the folder if it was calculated before for a file of the same content, or calculated
    /// and kept there. A folder that cannot be written to costs the next time and nothing else.
    pub(crate) fn of_file(probes: &[Seq<Rna>], file: &Path, cache: &RunDir) -> Result<Self> {
        let name = Self::name(file)?;
        if let Some(kept) = Self::read(&name, probes, cache) {
            return Ok(kept);
        }
        let found = Self::fold(probes)?;
        let kept = found
            .to_npy(probes.len())
            .and_then(|bytes| Ok(cache.write(&name, &bytes)?));
        if let Err(error) = kept {
            eprintln!("note: the structure of the probes is not kept: {error:#}");
        }
        Ok(found)
    }

    /// What was kept, if it fits these probes.
    fn read(name: &str, probes: &[Seq<Rna>], cache: &RunDir) -> Option<Self> {
        let bytes = cache.read(name, CAP).ok()?;
        let array = Array3::<f32>::read_npy(bytes.as_slice()).ok()?;
        let length = longest(probes);
        let shape = [probes.len(), length, LoopContext::COUNT];
        if array.shape() != shape || !array.iter().all(|p| (0.0..=1.0).contains(p)) {
            return None;
        }
        Some(Self {
            values: array.into_iter().collect(),
            length,
            channels: LoopContext::COUNT,
        })
    }

    /// The bytes of an array `[probes, length, 5]`.
    pub(crate) fn to_npy(&self, probes: usize) -> Result<Vec<u8>> {
        let shape = (probes, self.length, self.channels);
        let array = ArrayView3::from_shape(shape, &self.values)?;
        let mut bytes = Vec::with_capacity(self.values.len() * 4 + 128);
        array.write_npy(&mut bytes)?;
        ensure!(bytes.len() as u64 <= CAP, "it has more than 2 GiB");
        Ok(bytes)
    }

    /// The rows of some probes.
    pub(crate) fn select(&self, rows: &[usize]) -> Vec<f32> {
        let width = self.length * self.channels;
        let mut values = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            values.extend_from_slice(&self.values[row * width..][..width]);
        }
        values
    }
}

fn longest(probes: &[Seq<Rna>]) -> usize {
    probes.iter().map(Seq::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_calculated_and_only_for_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RunDir::create(folder.path().join("run")).unwrap();
        let file = folder.path().join("probes.txt");
        std::fs::write(&file, "GGGGAAAACCCC\nACGUACGUA\n").unwrap();
        let probes: Vec<Seq<Rna>> = ["GGGGAAAACCCC", "ACGUACGUA"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let first = Structure::of_file(&probes, &file, &cache).unwrap();
        assert_eq!((first.length, first.values.len()), (12, 2 * 12 * 5));
        assert_eq!(first, Structure::fold(&probes).unwrap());
        assert!(
            first.values[5 * 5 + 1] > 0.9,
            "the sixth base is in a hairpin"
        );
        assert_eq!(first.select(&[1])[..5], first.values[60..65]);

        let some = Structure::of_rows(&probes, &[1], &file, &cache).unwrap();
        assert_eq!(some, first);
        let elsewhere = RunDir::create(folder.path().join("other")).unwrap();
        let some = Structure::of_rows(&probes, &[1], &file, &elsewhere).unwrap();
        assert_eq!(some.select(&[1]), first.select(&[1]));
        assert_eq!(some.select(&[0]), [0.0; 60]);

        let name = Structure::name(&file).unwrap();
        assert_eq!(Structure::read(&name, &probes, &cache), Some(first));
        assert_eq!(Structure::read(&name, &probes[..1], &cache), None);
        cache.write(&name, b"not an array").unwrap();
        assert_eq!(Structure::read(&name, &probes, &cache), None);
        Structure::of_file(&probes, &file, &cache).unwrap();
        assert!(Structure::read(&name, &probes, &cache).is_some());
    }
}
