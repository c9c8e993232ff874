//! From proteins, probes and intensities to a trained network, and back from a run's folder.

use crate::data::{Material, Side};
use crate::effects::ProbeEffects;
use crate::proteins::{self, ProteinVectors, Source};
use crate::residues::{Beside, Residues};
use crate::settings::{ContrastConfig, Reads, Settings};
use crate::structure::Structure;
use anyhow::{Context, Result, ensure};
use hairpin::models::{
    Model, ModelError, PairInput, ResidueTowers, ResidueTowersConfig, SequenceInput, TwoTower,
    TwoTowerConfig,
};
use hairpin::seq::augment::GaussianNoise;
use hairpin::seq::{Protein, Rna, Seq};
use hairpin::targets::{FittedRecipe, TargetMatrix};
use hairpin::tasks::rnacompete::Test;
use hairpin::train::history::History;
use hairpin::train::{
    AnnotatedSequences, BatchSampler, Bundle, ColumnSample, Contrastive, ContrastiveTowers,
    Dataset, Device, Ensemble, Examples, InfoNce, Member, Objective, PairDataset, PairPools,
    PairVectors, PoolShares, Progress, RunDir, Sampled, Session, Stop, Vectors, fit,
};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The name under which a network is bundled.
pub(crate) const MODEL: &str = "two_tower";

/// Probes that go through the tower at once where nothing is learned.
const BATCH: usize = 512;

/// Proteins whose residues are read at once: few enough that long ones fit into memory.
const PIECE: usize = 16;

/// Standard deviation of the noise on proteins' vectors that predictions may be averaged over.
const NOISE: f32 = 0.01;

/// What was learned beside the weights, kept in `targets.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    pub(crate) proteins: ProteinVectors,
    /// The transform of the training proteins' intensities: predictions are in its unit.
    intensities: FittedRecipe,
    /// Channels of each base beside its letter.
    d_structure: usize,
}

/// Where and how.
pub(crate) struct Place<'a> {
    pub(crate) run: &'a RunDir,
    pub(crate) device: &'a Device,
    /// That share its work.
    pub(crate) replicas: &'a [Device],
    /// What a run may only be resumed with.
    pub(crate) origin: Vec<(String, String)>,
    pub(crate) resume: bool,
    pub(crate) tensorboard: bool,
    pub(crate) stop: &'a Stop,
}

/// Where a run's networks are trained.
const TRAININGS: &str = "trainings";

/// The folder of one of a run's trainings; those of a kind are numbered from 1.
pub(crate) fn folder(run: &RunDir, kind: &str, number: usize) -> Result<RunDir> {
    Ok(RunDir::create(
        run.file(TRAININGS).join(format!("{kind}-{number}")),
    )?)
}

/// A network, by what it reads of a protein.
pub(crate) enum Network {
    /// A vector.
    Vectors(Box<TwoTower>),
    /// Its residues.
    Residues(Box<ResidueTowers>),
}

impl Network {
    fn towers(&self) -> &TwoTower {
        match self {
            Self::Vectors(towers) => towers,
            Self::Residues(model) => &model.towers,
        }
    }

    /// What goes into the protein's tower: the vectors of these proteins, or those that are made of their residues.
    fn vectors(&self, proteins: &Proteins, device: &Device) -> Result<Vectors> {
        let Self::Residues(model) = self else {
            return Ok(Vectors::new(proteins.vectors.clone()));
        };
        let residues = proteins.residues()?;
        let dataset = residues.dataset()?;
        let every: Vec<usize> = (0..dataset.len()).collect();
        let mut values = Vec::new();
        for rows in every.chunks(PIECE) {
            let batch = dataset.batch(rows, None, device);
            let vectors = model.residues.forward(&batch, None);
            values.extend(vectors.into_data().iter::<f32>());
        }
        let width = values.len() / dataset.len().max(1);
        Ok(Vectors::new(Array2::from_shape_vec(
            (dataset.len(), width),
            values,
        )?))
    }
}

/// Networks of one kind that answer together, by their mean.
pub(crate) struct Networks(Vec<Network>);

impl Networks {
    pub(crate) fn of(fitted: Vec<Fitted>) -> (Self, Vec<Member>, Vec<History>) {
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        for own in fitted {
            parts.0.push(own.network);
            parts.1.push(own.member);
            parts.2.push(own.history);
        }
        (Self(parts.0), parts.1, parts.2)
    }

    /// Proteins and probes in the space of the head, of each network.
    fn pairs(
        &self,
        proteins: &Proteins,
        probes: &AnnotatedSequences<'_, Rna>,
        device: &Device,
    ) -> Result<Vec<PairVectors>> {
        let read = |network: &Network| {
            let proteins = network.vectors(proteins, device)?;
            let towers = network.towers();
            let pairs = PairVectors::new(towers, &proteins, probes, BATCH, device, |_, _| ());
            anyhow::Ok(pairs?)
        };
        self.0.iter().map(read).collect()
    }

    /// How much each residue of a protein that is read counts, the mean over the networks.
    pub(crate) fn attention(
        &self,
        residues: &Residues,
        row: usize,
        device: &Device,
    ) -> Result<Vec<f32>> {
        let batch = residues.dataset()?.batch(&[row], None, device);
        let mut mean = vec![0.0; residues.positions(row).len()];
        for network in &self.0 {
            if let Network::Residues(model) = network {
                let weights = model.residues.weights(&batch, None).into_data();
                for (sum, weight) in mean.iter_mut().zip(weights.iter::<f32>()) {
                    *sum += weight / self.0.len() as f32;
                }
            }
        }
        Ok(mean)
    }
}

/// Vectors of proteins as they come from their source.
pub(crate) enum Raw {
    /// One for each, `[proteins, width]`; without columns where the source is the sequence.
    Proteins(Array2<f32>),
    /// One for each residue of each, `[residues, width]`.
    Residues(Vec<Array2<f32>>),
}

impl Raw {
    /// Those of some proteins, by row.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Proteins(vectors) => Self::Proteins(vectors.select(Axis(0), rows)),
            Self::Residues(vectors) => {
                Self::Residues(rows.iter().map(|&row| vectors[row].clone()).collect())
            }
        }
    }
}

/// Proteins as a network reads them.
pub(crate) struct Proteins {
    /// `[proteins, width]`; without columns where residues are read.
    vectors: Array2<f32>,
    pub(crate) residues: Option<Residues>,
}

impl Proteins {
    /// `raw` are their vectors as they come from the source.
    pub(crate) fn new(
        learned: &ProteinVectors,
        raw: Raw,
        sequences: Option<&[Seq<Protein>]>,
        domains: Option<&[Vec<Range<usize>>]>,
    ) -> Result<Self> {
        let of_residues = |beside| {
            let sequences = sequences.context("residues are read of sequences")?;
            anyhow::Ok(Self::of_residues(Residues::new(
                sequences, domains, beside,
            )?))
        };
        match (&learned.source, raw) {
            (&Source::Residues { window }, _) => of_residues(Beside::Window(window)),
            (_, Raw::Residues(vectors)) => {
                of_residues(Beside::Vectors(&learned.read_residues(vectors)?))
            }
            (_, Raw::Proteins(vectors)) => Ok(Self {
                vectors: learned.read(vectors, sequences)?,
                residues: None,
            }),
        }
    }

    /// Proteins of which nothing but residues is read.
    pub(crate) fn of_residues(residues: Residues) -> Self {
        Self {
            vectors: Array2::zeros((0, 0)),
            residues: Some(residues),
        }
    }

    fn residues(&self) -> Result<&Residues> {
        let residues = self.residues.as_ref();
        residues.context("a network of residues is shown residues")
    }
}

/// One side of a division as the network reads it.
pub(crate) struct Rows {
    pub(crate) proteins: Proteins,
    /// Their vectors by their neighbours alone.
    without_themselves: Option<Array2<f32>>,
    probes: Vec<Seq<Rna>>,
    structure: Vec<f32>,
    length: usize,
    channels: usize,
}

impl Rows {
    /// `raw` are the vectors of all proteins as they come from their source.
    pub(crate) fn new(
        material: &Material,
        structure: &Structure,
        (vectors, raw): (&ProteinVectors, &Raw),
        side: &Side,
    ) -> Result<Self> {
        let probes = side.probes.iter().map(|&row| material.probes[row].clone());
        let raw = raw.select(&side.proteins);
        let proteins = material.sequences(&side.proteins);
        let without_themselves = match &raw {
            Raw::Proteins(raw) => {
                vectors.read_without_themselves(raw.clone(), proteins.as_deref())?
            }
            Raw::Residues(_) => None,
        };
        Ok(Self {
            without_themselves,
            proteins: Proteins::new(
                vectors,
                raw,
                proteins.as_deref(),
                material.domains(&side.proteins).as_deref(),
            )?,
            probes: probes.collect(),
            structure: structure.select(&side.probes),
            length: structure.length,
            channels: structure.channels,
        })
    }

    /// One of the probes.
    pub(crate) fn probe(&self, row: usize) -> &Seq<Rna> {
        &self.probes[row]
    }

    /// What the networks say of one of the proteins and other probes, folded for it.
    pub(crate) fn scores(
        &self,
        networks: &Networks,
        protein: usize,
        probes: &[Seq<Rna>],
        device: &Device,
    ) -> Result<Vec<f32>> {
        let structure = match self.channels {
            0 => Structure::none(probes),
            _ => Structure::fold(probes)?,
        };
        let (length, channels) = (structure.length, structure.channels);
        let probes = AnnotatedSequences::new(probes, &structure.values, length, channels)?;
        let pairs = PairVectors::mean(networks.pairs(&self.proteins, &probes, device)?);
        Ok(pairs.scores(protein..protein + 1).into_iter().collect())
    }

    /// What the networks say of one of the probes and other proteins, of which residues are read.
    pub(crate) fn scores_of_proteins(
        &self,
        networks: &Networks,
        probe: usize,
        proteins: &Proteins,
        device: &Device,
    ) -> Result<Vec<f32>> {
        let width = self.length * self.channels;
        let structure = &self.structure[probe * width..][..width];
        let probes = &self.probes[probe..=probe];
        let probes = AnnotatedSequences::new(probes, structure, self.length, self.channels)?;
        let pairs = PairVectors::mean(networks.pairs(proteins, &probes, device)?);
        Ok(pairs.scores(0..pairs.n_proteins()).into_iter().collect())
    }

    fn probes(&self) -> Result<AnnotatedSequences<'_, Rna>> {
        let (structure, length) = (&self.structure, self.length);
        Ok(AnnotatedSequences::new(
            &self.probes,
            structure,
            length,
            self.channels,
        )?)
    }
}

/// Raw vectors of all proteins of a material: embeddings with the hash of their weights if given, or what the settings say, or each its own
/// place.
pub(crate) fn vectors(
    material: &Material,
    embeddings: Option<(Raw, String)>,
    settings: &Settings,
) -> Result<(Source, Raw)> {
    let n = material.intensities.n_columns();
    let Some(sequences) = &material.proteins else {
        return Ok((Source::Columns, Raw::Proteins(proteins::columns(n))));
    };
    let nothing = || Raw::Proteins(proteins::nothing(n));
    let lags = settings.proteins.lags;
    Ok(match (embeddings, settings.proteins.reads) {
        (Some((raw @ Raw::Proteins(_), weights)), _) => (Source::Embeddings { weights }, raw),
        (Some((raw, weights)), _) => (Source::ResidueEmbeddings { weights }, raw),
        (None, Reads::Kin) => (Source::Kin, nothing()),
        (None, Reads::Residues) => {
            let window = settings.proteins.window;
            (Source::Residues { window }, nothing())
        }
        (None, Reads::Features) => {
            let features = proteins::peptides(sequences, lags)?;
            (Source::Peptides { lags }, Raw::Proteins(features))
        }
    })
}

/// A network of a run.
pub(crate) struct Fitted {
    network: Network,
    member: Member,
    history: History,
}

/// Trains the networks of one kind on one side, which differ by their seed, each with its epoch chosen by another side.
///
/// `epochs` is for how long each is trained, where that is known.
pub(crate) fn learn(
    (kind, epochs): (&str, Option<&[usize]>),
    settings: &Settings,
    sides: [(&Rows, &TargetMatrix); 2],
    learned: &Learned,
    config_toml: &str,
    place: &Place<'_>,
) -> Result<Vec<Fitted>> {
    let learned_json = serde_json::to_value(learned)?;
    let networks = settings.ensemble.networks;
    let train = |number: usize| {
        let mut settings = settings.clone();
        settings.fit.seed = settings.fit.seed.wrapping_add(number as u64 - 1);
        if let Some(epochs) = epochs {
            settings.fit.epochs = epochs[number - 1];
        }
        if networks > 1 {
            eprintln!("network {number} of {networks}");
        }
        let folder = folder(place.run, kind, number)?;
        let (network, history) = one(&settings, sides, learned, &folder, place)?;
        let (config, targets) = (config_toml.to_owned(), learned_json.clone());
        let bundle = match &network {
            Network::Vectors(model) => Bundle::of(MODEL, config, targets, &**model),
            Network::Residues(model) => Bundle::of(MODEL, config, targets, &**model),
        }?;
        Ok(Fitted {
            member: Member {
                name: format!("{kind}-{number}"),
                weight: 1.0 / networks as f64,
                bundle,
            },
            network,
            history,
        })
    };
    (1..=networks).map(train).collect()
}

/// Removes what a run could be resumed from: all that follows from it is written. The first network's goes last: it says that there is a run to
/// resume.
pub(crate) fn clear(run: &RunDir, kind: &str, networks: usize) -> Result<()> {
    for number in (1..=networks).rev() {
        folder(run, kind, number)?.clear_checkpoint()?;
    }
    Ok(())
}

fn one(
    settings: &Settings,
    sides: [(&Rows, &TargetMatrix); 2],
    learned: &Learned,
    folder: &RunDir,
    place: &Place<'_>,
) -> Result<(Network, History)> {
    let [(learn, on_learn), (choose, _)] = sides;
    let all = on_learn.n_columns();
    let objective = Sampled {
        objective: settings.objective.clone(),
        sample: settings.sample(all),
    };
    let pools = settings.pools(on_learn)?;
    let sampler = pools.as_ref().map(|pools| pools as &dyn BatchSampler);
    let place = (folder, sampler, place);
    let network = settings.network(learned, all);
    if learned.proteins.source.reads_residues() {
        let config = settings.residue_network(learned, all);
        let left = learn.proteins.residues()?.dataset()?;
        let choose_left = choose.proteins.residues()?.dataset()?;
        let left = [&left, &choose_left];
        let init = |device: &Device| config.init(device);
        let (model, history) = towers(settings, init, &objective, left, sides, place)?;
        return Ok((Network::Residues(Box::new(model)), history));
    }
    let mut left = Vectors::new(learn.proteins.vectors.clone());
    if let Some(alone) = &learn.without_themselves {
        left = left.with_alternatives(alone.clone(), settings.proteins.hide_self)?;
    }
    if settings.proteins.noise > 0.0 {
        left = left.with_noise(GaussianNoise::new(settings.proteins.noise as f32)?);
    }
    let left = [&left, &Vectors::new(choose.proteins.vectors.clone())];
    let ContrastConfig {
        weight,
        least,
        temperature,
        ..
    } = settings.contrast;
    if weight == 0.0 {
        let init = |device: &Device| network.init(device);
        let (model, history) = towers(settings, init, &objective, left, sides, place)?;
        return Ok((Network::Vectors(Box::new(model)), history));
    }
    let objective = Contrastive {
        objective,
        weight,
        least: least as f32,
        pools: pools.as_ref(),
    };
    let init = |device: &Device| {
        Ok(ContrastiveTowers {
            towers: network.init(device)?,
            contrast: InfoNce::new(temperature, device).map_err(|_| ModelError::OutOfRange {
                name: "temperature",
                found: temperature.to_string(),
                expected: "0.01 to 1",
            })?,
        })
    };
    let (model, history) = towers(settings, init, &objective, left, sides, place)?;
    Ok((Network::Vectors(Box::new(model.towers)), history))
}

/// Trains two towers of any kind; `left` are the proteins of both sides, and what chooses the probes of each batch goes with the place.
fn towers<M, O, L>(
    settings: &Settings,
    init: impl FnOnce(&Device) -> Result<M, ModelError>,
    objective: &O,
    left: [&L; 2],
    [(learn, on_learn), (choose, on_choose)]: [(&Rows, &TargetMatrix); 2],
    (folder, sampler, place): (&RunDir, Option<&dyn BatchSampler>, &Place<'_>),
) -> Result<(M, History)>
where
    L: Dataset + Sync,
    M: Model<Input = PairInput<L::Input, SequenceInput>>,
    M::Input: Send,
    O: Objective<Target = TargetMatrix> + Sync,
{
    let sample = settings.sample(on_learn.n_columns());
    let (right, choose_right) = (learn.probes()?, choose.probes()?);
    let on_train = PairDataset::new(left[0], &right, sample);
    let choosing = on_choose.n_columns();
    let every = ColumnSample::new(choosing, choosing, settings.fit.seed);
    let on_valid = PairDataset::new(left[1], &choose_right, every);
    let mut examples = Examples::new(&on_train, on_learn);
    examples.batch_sampler = sampler;
    let session = Session {
        origin: place.origin.clone(),
        // A training that was killed before its first checkpoint begins anew.
        resume: place.resume && folder.has_checkpoint()?,
        progress: Progress::Bar,
        stop: place.stop.clone(),
        tensorboard: place.tensorboard,
        replicas: place.replicas.to_vec(),
        ..Session::new(folder, place.device)
    };
    let fitted = fit(
        init,
        objective,
        examples,
        Examples::new(&on_valid, on_choose),
        &settings.fit,
        session,
    )?;
    Ok((fitted.model, fitted.history))
}

impl Learned {
    /// What is learned of the training side before any network is.
    pub(crate) fn new(
        proteins: ProteinVectors,
        intensities: FittedRecipe,
        structure: &Structure,
    ) -> Self {
        Self {
            proteins,
            intensities,
            d_structure: structure.channels,
        }
    }
}

impl Settings {
    /// The network of these settings for what it is shown.
    fn network(&self, learned: &Learned, n_proteins: usize) -> TwoTowerConfig {
        let mut config = self.model.clone();
        config.d_protein = learned.proteins.width();
        config.n_proteins = n_proteins;
        config.d_structure = learned.d_structure;
        config.mixture = learned.proteins.source == Source::Kin;
        config
    }

    /// The network that reads residues.
    fn residue_network(&self, learned: &Learned, n_proteins: usize) -> ResidueTowersConfig {
        let mut towers = self.network(learned, n_proteins);
        let d_residue = std::mem::replace(&mut towers.d_protein, self.proteins.d_residue);
        ResidueTowersConfig::new(d_residue, towers)
    }

    /// The proteins that each batch of probes meets.
    fn sample(&self, n_proteins: usize) -> ColumnSample {
        let size = match self.proteins.per_batch {
            0 => n_proteins,
            some => some,
        };
        let sample = ColumnSample::new(n_proteins, size, self.fit.seed);
        match self.contrast.pools == PoolShares::NONE {
            true => sample,
            false => sample.by_first_row(),
        }
    }

    /// The pools that blocks are drawn from, where they are.
    fn pools<'a>(&self, targets: &'a TargetMatrix) -> Result<Option<PairPools<'a>>> {
        if self.contrast.pools == PoolShares::NONE {
            return Ok(None);
        }
        let sample = self.sample(targets.n_columns());
        Ok(Some(PairPools::new(targets, sample, self.contrast.pools)?))
    }
}

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

/// What networks say of every pair of a side, `[probes, proteins]`: their mean and, of several, each of them.
pub(crate) fn answers(
    networks: &Networks,
    rows: &Rows,
    names: &[String],
    device: &Device,
) -> Result<(TargetMatrix, Vec<TargetMatrix>)> {
    let pairs = networks.pairs(&rows.proteins, &rows.probes()?, device)?;
    let scores = |pairs: &PairVectors| {
        TargetMatrix::new(pairs.scores(0..pairs.n_proteins()), names.to_vec())
    };
    let each = match pairs.len() {
        1 => Vec::new(),
        _ => pairs.iter().map(scores).collect::<Result<_, _>>()?,
    };
    Ok((scores(&PairVectors::mean(pairs))?, each))
}
