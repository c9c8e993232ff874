//! What is learned from and judged by: the official files, without duplicates, divided.

use crate::settings::Settings;
use anyhow::{Result, ensure};
use hairpin::seq::{Protein, Rna, Seq};
use hairpin::targets::duplicates::{Deduplicated, Keep, deduplicate};
use hairpin::targets::{Fractions, Groups, TargetMatrix, split};
use hairpin::tasks::rnacompete::{
    ProbeSet, Reading, TrainFiles, read_domains, read_intensities, read_probes, read_tables,
    read_train,
};
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Of the published tables: where it is, they are read in place of the official files.
const TABLES: &str = "intensities.npz";

/// What was measured of which proteins and probes.
pub(crate) struct Material {
    /// None where proteins are known by their column alone.
    pub(crate) proteins: Option<Vec<Seq<Protein>>>,
    /// Of each protein, if a file says so.
    domains: Option<Vec<Vec<Range<usize>>>>,
    pub(crate) probes: Vec<Seq<Rna>>,
    /// `[probes, proteins]`.
    pub(crate) intensities: TargetMatrix,
    /// What was left out of the proteins.
    pub(crate) duplicates: Option<Deduplicated>,
    /// The half that each probe is of.
    sets: Option<Vec<ProbeSet>>,
    /// The files read.
    pub(crate) files: Vec<PathBuf>,
}

impl Material {
    /// The official files of a folder; of proteins with one sequence the first is kept.
    pub(crate) fn of_proteins(
        folder: &Path,
        domains: Option<&Path>,
        reading: Reading,
    ) -> Result<Self> {
        let files = TrainFiles::in_folder(folder);
        let train = read_train(&files, reading)?;
        let domains = domains.map(|path| read_domains(path, &train.proteins));
        let domains = domains.transpose()?;
        let same = Groups::by(train.proteins.iter().map(|protein| protein.codes()));
        let found = deduplicate(&same, Keep::First, "identical sequence")?;
        let pick = |&row: &usize| train.proteins[row].clone();
        let kept = |domains: Vec<Vec<Range<usize>>>| {
            let of = |&row: &usize| domains[row].clone();
            found.kept.iter().map(of).collect()
        };
        Ok(Self {
            domains: domains.map(kept),
            proteins: Some(found.kept.iter().map(pick).collect()),
            intensities: train.intensities.select_columns(&found.kept)?,
            probes: train.probes,
            duplicates: Some(found),
            sets: None,
            files: vec![files.proteins, files.probes, files.intensities],
        })
    }

    /// The probes and intensities of a folder, whatever the proteins are: of the published tables, or the official files.
    pub(crate) fn of_columns(folder: &Path, reading: Reading) -> Result<Self> {
        if folder.join(TABLES).exists() {
            let tables = read_tables(folder)?;
            let names = ["probes.tsv.gz", TABLES, "experiments.tsv"];
            return Ok(Self {
                proteins: None,
                domains: None,
                probes: tables.probes,
                intensities: tables.intensities,
                duplicates: None,
                sets: Some(tables.sets),
                files: names.map(|name| folder.join(name)).to_vec(),
            });
        }
        let files = TrainFiles::in_folder(folder);
        let probes = read_probes(&files.probes, reading)?;
        let intensities = read_intensities(&files.intensities, reading.missing)?;
        ensure!(
            intensities.n_rows() == probes.len(),
            "{}: has {} lines, expected {}, as many as {} has probes",
            files.intensities.display(),
            intensities.n_rows(),
            probes.len(),
            files.probes.display()
        );
        Ok(Self {
            proteins: None,
            domains: None,
            probes,
            intensities,
            duplicates: None,
            sets: None,
            files: vec![files.probes, files.intensities],
        })
    }

    /// Where the probes were read from.
    pub(crate) fn probe_file(&self) -> &Path {
        // Beside the proteins, or the first where there are none.
        &self.files[usize::from(self.proteins.is_some())]
    }

    /// The intensities of some probes and proteins.
    pub(crate) fn targets(&self, side: &Side) -> Result<TargetMatrix> {
        let rows = self.intensities.select(&side.probes)?;
        Ok(rows.select_columns(&side.proteins)?)
    }

    /// The sequences of some proteins.
    pub(crate) fn sequences(&self, rows: &[usize]) -> Option<Vec<Seq<Protein>>> {
        let proteins = self.proteins.as_ref()?;
        Some(rows.iter().map(|&row| proteins[row].clone()).collect())
    }

    /// The domains of some proteins, where they are known.
    pub(crate) fn domains(&self, rows: &[usize]) -> Option<Vec<Vec<Range<usize>>>> {
        let domains = self.domains.as_ref()?;
        Some(rows.iter().map(|&row| domains[row].clone()).collect())
    }

    /// The probes that were measured more than once, by row, and which of them are the same.
    pub(crate) fn repeats(&self) -> (Vec<usize>, Groups) {
        let same = Groups::by(self.probes.iter().map(|probe| probe.codes()));
        let sizes = same.sizes();
        let repeated = |row: &usize| sizes[same.of_rows()[*row]] > 1;
        let rows: Vec<usize> = (0..self.probes.len()).filter(repeated).collect();
        let groups = Groups::by(rows.iter().map(|&row| same.of_rows()[row]));
        (rows, groups)
    }
}

/// Some proteins and some probes, by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) proteins: Vec<usize>,
    pub(crate) probes: Vec<usize>,
}

/// How the pairs are divided.
#[derive(Debug)]
pub(crate) struct Division {
    /// To learn from.
    pub(crate) learn: Side,
    /// To choose the epoch by.
    pub(crate) choose: Side,
    /// Held out of everything, to judge by.
    pub(crate) judge: Side,
    /// In words.
    pub(crate) how: String,
}

impl Division {
    /// By proteins: those that are judged are in no way seen in training.
    pub(crate) fn by_protein(material: &Material, settings: &Settings) -> Result<Self> {
        let (data, seed) = (&settings.data, settings.fit.seed);
        let n = material.intensities.n_columns();
        let (test, valid) = (data.test_share, data.valid_share);
        let fractions = Fractions {
            train: (1.0 - test) * (1.0 - valid),
            valid: (1.0 - test) * valid,
            test,
        };
        let parts = split::random(n, fractions, seed)?;
        let chosen_by_judges = valid == 0.0;
        ensure!(
            parts.train.len() >= 2
                && !parts.test.is_empty()
                && (chosen_by_judges || !parts.valid.is_empty()),
            "{n} proteins cannot be divided into learned, choosing and held-out ones: give more, or set data.valid_share to 0"
        );
        let all: Vec<usize> = (0..material.probes.len()).collect();
        let choosing = match chosen_by_judges {
            true => parts.test.clone(),
            false => parts.valid,
        };
        Ok(Self {
            learn: Side {
                proteins: parts.train,
                probes: sample(&all, data.probes, seed, 1),
            },
            choose: Side {
                proteins: choosing,
                probes: sample(&all, data.valid_probes, seed, 2),
            },
            judge: Side {
                proteins: parts.test,
                probes: sample(&all, data.test_probes, seed, 3),
            },
            how: match chosen_by_judges {
                false => "by protein, at random, after identical ones were left out".to_owned(),
                true => "by protein, at random, after identical ones were left out; the epoch is chosen by the held-out proteins".to_owned(),
            },
        })
    }

    /// By probes: every protein is seen in training, with other probes.
    pub(crate) fn by_probe(material: &Material, settings: &Settings) -> Result<Self> {
        let (data, seed) = (&settings.data, settings.fit.seed);
        let proteins: Vec<usize> = (0..material.intensities.n_columns()).collect();
        let (rest, held_out, how) = match &material.sets {
            Some(sets) => {
                let (held_out, rest) = (0..sets.len()).partition(|&row| sets[row] == ProbeSet::B);
                (rest, held_out, "by probe: SetB is held out".to_owned())
            }
            None => {
                let same = Groups::by(material.probes.iter().map(|probe| probe.codes()));
                let fractions = Fractions {
                    train: 1.0 - data.test_share,
                    valid: 0.0,
                    test: data.test_share,
                };
                let parts = split::grouped(&same, fractions, seed)?;
                let how = "by probe, at random, identical ones together".to_owned();
                (parts.train, parts.test, how)
            }
        };
        let codes = |rows: &[usize]| -> HashSet<&[u8]> {
            rows.iter()
                .map(|&row| material.probes[row].codes())
                .collect()
        };
        let choosing = sample(&rest, data.valid_probes.min(rest.len() / 4), seed, 2);
        let chosen = codes(&choosing);
        let learn: Vec<usize> = rest
            .into_iter()
            .filter(|&row| !chosen.contains(material.probes[row].codes()))
            .collect();
        let mut seen = codes(&learn);
        seen.extend(chosen);
        let before = held_out.len();
        let held_out: Vec<usize> = held_out
            .into_iter()
            .filter(|&row| !seen.contains(material.probes[row].codes()))
            .collect();
        ensure!(
            learn.len() >= 2 && choosing.len() >= 2 && held_out.len() >= 2,
            "{} probes cannot be divided into learned, choosing and held-out ones: give more",
            material.probes.len()
        );
        let left_out = before - held_out.len();
        let side = |probes| Side {
            proteins: proteins.clone(),
            probes,
        };
        Ok(Self {
            learn: side(sample(&learn, data.probes, seed, 1)),
            choose: side(choosing),
            judge: side(sample(&held_out, data.test_probes, seed, 3)),
            how: match left_out {
                0 => how,
                _ => format!("{how}; {left_out} of them are left out, which are learned from, too"),
            },
        })
    }
}

/// `size` of these rows at random, in order; all of them for 0 or if there are not so many.
fn sample(rows: &[usize], size: usize, seed: u64, stream: u64) -> Vec<usize> {
    if size == 0 || size >= rows.len() {
        return rows.to_vec();
    }
    let share = size as f64 / rows.len() as f64;
    let fractions = Fractions {
        train: share,
        valid: 0.0,
        test: 1.0 - share,
    };
    let parts = split::random(
        rows.len(),
        fractions,
        seed.wrapping_mul(4).wrapping_add(stream),
    );
    let places = parts.map_or_else(|_| (0..size).collect(), |parts| parts.train);
    places.into_iter().map(|place| rows[place]).collect()
}

/// The proteins to predict, their probes and, if known, their intensities, where a folder of training files has them.
pub(crate) struct TestFiles {
    pub(crate) proteins: PathBuf,
    pub(crate) probes: PathBuf,
    pub(crate) intensities: Option<PathBuf>,
}

impl TestFiles {
    /// `test_RBPs2.txt`, with the probes of `test_seqs.txt` or, without it, those of the training.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        Some(Self {
            proteins: file("test_RBPs2.txt")?,
            probes: file("test_seqs.txt").unwrap_or(TrainFiles::in_folder(folder).probes),
            intensities: file("test_data2.txt"),
        })
    }
}

/// Names of kept proteins: those of their lines.
pub(crate) fn names(material: &Material, rows: &[usize]) -> Vec<String> {
    rows.iter()
        .map(|&row| material.intensities.names()[row].clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin::tasks::rnacompete;
    use ndarray::Array2;

    fn material(n_proteins: usize, sets: Option<Vec<ProbeSet>>) -> Material {
        let probes = (0..60).map(|row| {
            let codes = (0..6).map(|place| ((row / 2) >> place & 3) as u8);
            Seq::from_codes(codes.collect()).unwrap()
        });
        let values = Array2::from_shape_fn((60, n_proteins), |(row, column)| (row * column) as f32);
        let names = rnacompete::column_names(n_proteins);
        Material {
            proteins: None,
            domains: None,
            probes: probes.collect(),
            intensities: TargetMatrix::new(values, names).unwrap(),
            duplicates: None,
            sets,
            files: Vec::new(),
        }
    }

    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.data.valid_probes = 8;
        settings
    }

    #[test]
    fn no_protein_is_on_two_sides() {
        let material = material(176, None);
        let found = Division::by_protein(&material, &settings()).unwrap();
        let sides = [&found.learn, &found.choose, &found.judge];
        assert_eq!(found.judge.proteins.len(), 44);
        let all: HashSet<usize> = sides
            .iter()
            .flat_map(|side| side.proteins.clone())
            .collect();
        assert_eq!(all.len(), 176);
        assert_eq!(
            (found.learn.probes.len(), found.choose.probes.len()),
            (60, 8)
        );
        let mut as_published = settings();
        as_published.data.valid_share = 0.0;
        let found = Division::by_protein(&material, &as_published).unwrap();
        assert_eq!(found.learn.proteins.len(), 132);
        assert_eq!(found.choose.proteins, found.judge.proteins);
    }

    #[test]
    fn no_probe_is_on_two_sides_not_even_as_a_repeat() {
        let halves = (0..60).map(|row| [ProbeSet::A, ProbeSet::B][row / 2 % 2]);
        for sets in [None, Some(halves.collect::<Vec<_>>())] {
            let material = material(5, sets.clone());
            assert_eq!(material.repeats().1.n_groups(), 30);
            let found = Division::by_probe(&material, &settings()).unwrap();
            let of = |side: &Side| -> HashSet<Vec<u8>> {
                let codes = side.probes.iter().map(|&row| material.probes[row].codes());
                codes.map(<[u8]>::to_vec).collect()
            };
            let (learn, choose, judge) = (of(&found.learn), of(&found.choose), of(&found.judge));
            assert!(learn.is_disjoint(&choose) && learn.is_disjoint(&judge));
            assert!(choose.is_disjoint(&judge));
            assert_eq!(found.learn.proteins, found.judge.proteins);
            if let Some(sets) = sets {
                assert!(
                    found
                        .judge
                        .probes
                        .iter()
                        .all(|&row| sets[row] == ProbeSet::B)
                );
            }
        }
    }
}
