//! From proteins, probes and intensities to trained networks.

use crate::networks::Network;
use crate::proteins::{ProteinVectors, Source};
use crate::rows::Rows;
use crate::settings::{ContrastConfig, Settings};
use crate::structure::Structure;
use anyhow::Result;
use hairpin::models::{
    Model, ModelError, PairInput, ResidueTowersConfig, SequenceInput, TwoTowerConfig,
};
use hairpin::seq::augment::GaussianNoise;
use hairpin::targets::{FittedRecipe, TargetMatrix};
use hairpin::train::history::History;
use hairpin::train::{
    BatchSampler, Bundle, ColumnSample, Contrastive, ContrastiveTowers, Dataset, Device, Examples,
    InfoNce, Member, Objective, PairDataset, PairPools, PoolShares, Progress, RunDir, Sampled,
    Session, Stop, Vectors, fit,
};
use serde::{Deserialize, Serialize};

/// The name under which a network is bundled.
pub(crate) const MODEL: &str = "two_tower";

/// What was learned beside the weights, kept in `targets.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    pub(crate) proteins: ProteinVectors,
    /// The transform of the training proteins' intensities: predictions are in its unit.
    pub(crate) intensities: FittedRecipe,
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

/// A network of a run.
pub(crate) struct Fitted {
    pub(crate) network: Network,
    pub(crate) member: Member,
    pub(crate) history: History,
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
    pub(crate) fn network(&self, learned: &Learned, n_proteins: usize) -> TwoTowerConfig {
        let mut config = self.model.clone();
        config.d_protein = learned.proteins.width();
        config.n_proteins = n_proteins;
        config.d_structure = learned.d_structure;
        config.mixture = learned.proteins.source == Source::Kin;
        config
    }

    /// The network that reads residues.
    pub(crate) fn residue_network(
        &self,
        learned: &Learned,
        n_proteins: usize,
    ) -> ResidueTowersConfig {
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
