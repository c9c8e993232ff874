//! A run's networks with all that predicting needs.

use crate::effects::ProbeEffects;
use crate::learn::{Learned, MODEL};
use crate::networks::{BATCH, Network, Networks};
use crate::proteins::Source;
use crate::rows::Proteins;
use crate::settings::Settings;
use crate::structure::Structure;
use anyhow::{Context, Result, ensure};
use hairpin::seq::augment::GaussianNoise;
use hairpin::seq::{Rna, Seq};
use hairpin::tasks::rnacompete::Test;
use hairpin::train::{AnnotatedSequences, Device, Ensemble, Member, PairVectors, RunDir};

/// Standard deviation of the noise on proteins' vectors that predictions may be averaged over.
const NOISE: f32 = 0.01;

/// Trained networks with all that predicting needs.
pub(crate) struct Trained {
    networks: Networks,
    pub(crate) settings: Settings,
    pub(crate) learned: Learned,
    /// Of the probes that were measured.
    effects: Option<ProbeEffects>,
}

impl Trained {
    /// From a run's folder.
    pub(crate) fn load(run: &RunDir, device: &Device) -> Result<Self> {
        let mut all: Option<(Settings, Learned)> = None;
        let mut networks = Vec::new();
        for Member { name, bundle, .. } in Ensemble::load(run, MODEL)?.members {
            let path = run.file(Ensemble::FILE);
            let settings = Settings::default().under(&bundle.config_toml, &path)?;
            let learned: Learned =
                serde_json::from_value(bundle.targets.clone()).with_context(|| {
                    format!(
                        "{}: the targets.json of {name} is not one of ours; train again",
                        path.display()
                    )
                })?;
            let same = all.as_ref().is_none_or(|(_, first)| *first == learned);
            ensure!(
                same,
                "{}: {name} reads other proteins and probes than the first network; train again",
                path.display()
            );
            let n_proteins = learned.intensities.output_names().len();
            networks.push(match learned.proteins.source.reads_residues() {
                true => {
                    let model = settings
                        .residue_network(&learned, n_proteins)
                        .init(device)?;
                    Network::Residues(Box::new(bundle.into_model(model)?))
                }
                false => {
                    let model = settings.network(&learned, n_proteins).init(device)?;
                    Network::Vectors(Box::new(bundle.into_model(model)?))
                }
            });
            all.get_or_insert((settings, learned));
        }
        let (settings, learned) = all.context("an ensemble has members")?;
        let known = settings.data.probe_effects && learned.proteins.source != Source::Columns;
        let effects = match known {
            true => Some(ProbeEffects::load(run)?),
            false => None,
        };
        Ok(Self {
            effects,
            networks: Networks(networks),
            settings,
            learned,
        })
    }

    /// What is added to the scores of each probe.
    pub(crate) fn effects(&self, probes: &[Seq<Rna>]) -> Vec<f32> {
        match &self.effects {
            Some(effects) => effects.of(probes),
            None => vec![0.0; probes.len()],
        }
    }

    /// The proteins' and the probes' vectors in the head's space; `average` noisy readings of each protein's vector in the place of one.
    pub(crate) fn pairs(
        &self,
        (proteins, test): (&Proteins, &Test),
        structure: &Structure,
        average: usize,
        device: &Device,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<PairVectors> {
        let probes = &test.probes;
        let (longest, limit) = (structure.length, self.settings.model.max_length);
        if longest > limit {
            let row = probes.iter().position(|probe| probe.len() > limit);
            let row = row.unwrap_or_default();
            ensure!(
                false,
                "probe {} has {} nt, and the network reads at most {limit} (model.max_length)",
                row + 1,
                probes[row].len()
            );
        }
        let channels = structure.channels;
        let probes = AnnotatedSequences::new(probes, &structure.values, longest, channels)?;
        let noise = GaussianNoise::new(NOISE)?;
        let (seed, n) = (self.settings.fit.seed, self.networks.0.len());
        let mut each = Vec::with_capacity(n);
        for (place, network) in self.networks.0.iter().enumerate() {
            let progress = |done, all| progress(place * all + done, n * all);
            let (model, proteins) = (network.towers(), network.vectors(proteins, device)?);
            let pairs = PairVectors::new(model, &proteins, &probes, BATCH, device, progress)?;
            let noisy = proteins.with_noise(noise.clone());
            each.push(match average {
                0 => pairs,
                _ => pairs.with_averaged_proteins(model, &noisy, average, seed, device)?,
            });
        }
        Ok(PairVectors::mean(each))
    }
}
