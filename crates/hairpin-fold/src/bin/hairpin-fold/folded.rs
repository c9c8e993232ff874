//! Everything that is asked of one molecule.

use std::fmt::Write;

use hairpin_fold::{
    Constraints, Ensemble, FoldError, Folder, LoopContext, Mfe, Structure, Window, Workspace,
};

use crate::arguments::Fold;

/// What to find out about each molecule.
pub(crate) struct Request {
    /// Least probability of a pair, if pairs are asked for.
    pub(crate) cutoff: Option<f64>,
    pub(crate) contexts: bool,
    /// Bases of a stretch.
    pub(crate) unpaired: Option<usize>,
    centroid: bool,
    mea: Option<f64>,
    /// Width in kcal/mol, and most structures.
    band: Option<(f64, usize)>,
    /// How many, and the seed.
    samples: Option<(usize, u64)>,
    window: Option<Window>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Folded {
    /// With the free energy of the ensemble, in kcal/mol; not of windows.
    pub(crate) mfe: Option<(Mfe, f64)>,
    /// Further structures, a line for each.
    pub(crate) further: String,
    /// Whether the band holds more structures than were allowed.
    pub(crate) cut_off: bool,
    /// Empty unless asked for, and so are the next two.
    pub(crate) pairs: Vec<(usize, usize, f64)>,
    pub(crate) contexts: Vec<[f64; LoopContext::COUNT]>,
    pub(crate) accessibility: Vec<f64>,
}

impl Request {
    pub(crate) fn new(
        arguments: &Fold,
        cutoff: Option<f64>,
        contexts: bool,
    ) -> Result<Self, FoldError> {
        let window = |size| {
            Window::new(size, arguments.span.unwrap_or(size))?
                .with_cutoff(cutoff.unwrap_or(arguments.cutoff))
        };
        Ok(Self {
            cutoff,
            contexts,
            unpaired: arguments.unpaired.map(usize::from),
            centroid: arguments.centroid,
            mea: arguments.mea,
            band: arguments.band.map(|kcal| (kcal, arguments.limit)),
            samples: arguments.samples.map(|count| (count, arguments.seed)),
            window: arguments.window.map(window).transpose()?,
        })
    }

    /// Structures that one molecule may have in memory.
    pub(crate) fn structures(&self) -> usize {
        self.band.map_or(0, |band| band.1) + self.samples.map_or(0, |samples| samples.0)
    }

    pub(crate) fn fold(
        &self,
        folder: &Folder,
        workspace: &mut Workspace,
        seq: &[u8],
        known: Option<&Constraints>,
    ) -> Result<Folded, FoldError> {
        if let Some(window) = &self.window {
            let found = folder.windows(seq, window)?;
            let positions = if self.contexts { seq.len() } else { 0 };
            return Ok(Folded {
                pairs: self
                    .cutoff
                    .map_or_else(Vec::new, |_| found.pairs().to_vec()),
                contexts: (1..=positions).map(|k| found.context(k)).collect(),
                ..Folded::default()
            });
        }
        // Without constraints a short molecule needs no scale.
        let none = Constraints::default();
        let mfe = match known {
            None => folder.mfe(workspace, seq)?,
            Some(known) => folder.mfe_with(workspace, seq, known)?,
        };
        let mut lines = Lines {
            text: String::new(),
            folder,
            seq,
            known: known.unwrap_or(&none),
        };
        let mut band = Vec::new();
        let mut cut_off = false;
        if let Some((kcal, limit)) = self.band {
            let found = folder.suboptimal_with(workspace, seq, lines.known, kcal, limit)?;
            cut_off = !found.is_complete();
            band = found.structures().to_vec();
        }
        let ensemble = match known {
            None => folder.ensemble(workspace, seq)?,
            Some(known) => folder.ensemble_with(workspace, seq, known)?,
        };
        if self.centroid {
            let centroid = ensemble.centroid();
            let distance = ensemble.expected_distance(&centroid)?;
            lines.add(&centroid, format_args!("centroid distance={distance:.4}"))?;
        }
        if let Some(gamma) = self.mea {
            let mea = ensemble.mea(gamma)?;
            let accuracy = ensemble.expected_accuracy(&mea, gamma)?;
            lines.add(
                &mea,
                format_args!("mea gamma={gamma} accuracy={accuracy:.4}"),
            )?;
        }
        for (structure, _) in &band {
            lines.add(structure, format_args!("band"))?;
        }
        if let Some((count, seed)) = self.samples {
            for structure in ensemble.samples(seed).take(count) {
                lines.add(&structure, format_args!("sample"))?;
            }
        }
        Ok(Folded {
            further: lines.text,
            cut_off,
            pairs: self.cutoff.map_or_else(Vec::new, |cutoff| {
                ensemble.pairs().filter(|pair| pair.2 >= cutoff).collect()
            }),
            contexts: if self.contexts {
                (1..=seq.len()).map(|k| ensemble.context(k)).collect()
            } else {
                Vec::new()
            },
            accessibility: self.accessibility(&ensemble)?,
            mfe: Some((mfe, ensemble.free_energy())),
        })
    }

    fn accessibility(&self, ensemble: &Ensemble<'_>) -> Result<Vec<f64>, FoldError> {
        match self.unpaired {
            Some(width) if width <= ensemble.len() => ensemble.accessibility(width),
            _ => Ok(Vec::new()),
        }
    }
}

/// Further structures as text.
struct Lines<'a> {
    text: String,
    folder: &'a Folder,
    seq: &'a [u8],
    known: &'a Constraints,
}

impl Lines<'_> {
    fn add(
        &mut self,
        structure: &Structure,
        what: std::fmt::Arguments<'_>,
    ) -> Result<(), FoldError> {
        let loops = self.folder.energy().evaluate(self.seq, structure)?.kcal();
        let kcal = loops + self.known.pseudo_kcal(structure)?;
        // Never -0.00.
        let kcal = (kcal * 100.0).round() / 100.0 + 0.0;
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{structure} ({kcal:.2}) {what}");
        Ok(())
    }
}
