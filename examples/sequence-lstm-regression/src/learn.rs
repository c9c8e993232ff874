//! From rows to an ensemble: targets are transformed, settings are searched, the best trials answer together.

use crate::encoding::Reading;
use crate::settings::Settings;
use anyhow::{Context, Result, bail, ensure};
use hairpin::models::{ModelError, SequenceLstm};
use hairpin::search::{FinishedTrial, Space, Study, TrialState, Verdict};
use hairpin::seq::{Alphabet, Encode, Seq};
use hairpin::targets::blend::{Blend, spread};
use hairpin::targets::metrics::Direction;
use hairpin::targets::{FittedRecipe, TargetMatrix};
use hairpin::train::history::{Epoch, History};
use hairpin::train::{
    Bundle, Device, Ensemble, Examples, Fitted, Member, Progress, RunDir, SequenceDataset, Session,
    Stop, TrainError, fit, predict,
};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The name under which members are bundled.
pub(crate) const MODEL: &str = "sequence_lstm";
/// The trials of a search, in a run's folder.
pub(crate) const TRIALS: &str = "trials.csv";

/// Sequences with their numbers.
#[derive(Clone)]
pub(crate) struct Rows<A: Alphabet> {
    pub(crate) sequences: Vec<Seq<A>>,
    pub(crate) targets: TargetMatrix,
}

impl<A: Alphabet> Rows<A> {
    pub(crate) fn select(&self, rows: &[usize]) -> Result<Self> {
        Ok(Self {
            sequences: rows
                .iter()
                .map(|&row| self.sequences[row].clone())
                .collect(),
            targets: self.targets.select(rows)?,
        })
    }
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
    /// What the lines of its progress begin with.
    pub(crate) title: String,
}

/// What was learned beside the weights, kept in each member's `targets.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learned {
    alphabet: String,
    recipe: FittedRecipe,
    valid_score: f64,
}

/// Trained models that answer together.
pub(crate) struct Answerer {
    members: Vec<Trained>,
    batch_size: usize,
}

struct Trained {
    name: String,
    settings: Settings,
    recipe: FittedRecipe,
    model: SequenceLstm,
    valid_score: f64,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) answerer: Answerer,
    pub(crate) trials: Vec<FinishedTrial>,
    /// Of the best member.
    pub(crate) history: History,
    pub(crate) seconds: f64,
}

/// Searches for settings on `train`, judged by `valid`, and keeps the best trials; without trials, trains once.
pub(crate) fn learn<A: Alphabet>(
    settings: &Settings,
    space: &Space,
    train: &Rows<A>,
    valid: &Rows<A>,
    place: &Place<'_>,
) -> Result<Outcome> {
    let began = Instant::now();
    let recipe = settings.data.recipe.fit(&train.targets)?;
    let (mut train, mut valid) = (train.clone(), valid.clone());
    train.targets = recipe.apply_owned(train.targets)?;
    valid.targets = recipe.apply_owned(valid.targets)?;
    let both = train.sequences.iter().chain(&valid.sequences);
    let reading = Reading::new(&settings.data, both)?;
    let one = |settings: &Settings, name: &str, watch: Option<Watch<'_>>, progress| {
        one(
            settings, &recipe, &reading, &train, &valid, place, name, watch, progress,
        )
    };

    let mut trials = Vec::new();
    let mut history = None;
    if settings.search.trials == 0 {
        let fitted = one(settings, "only", None, Progress::Bar)?;
        history = Some(fitted.history);
    } else {
        let table = place.run.file(TRIALS);
        ensure!(
            place.resume || !table.exists(),
            "{}: there are trials of an earlier run; add `--resume` to go on with them, or choose another folder",
            table.display()
        );
        let study = Study::open(space.clone(), settings.study(), &table)?;
        let n = settings.search.trials;
        while let Some(trial) = study.ask(0..n) {
            if place.stop.requested() {
                bail!(
                    "stopped after {} of {n} trials; `--resume` goes on",
                    study.trials().len()
                );
            }
            let minutes = began.elapsed().as_secs_f64() / 60.0;
            if settings.search.minutes > 0.0 && minutes >= settings.search.minutes {
                break;
            }
            let path = format!("trial {}", trial.number());
            let own = settings.under(&trial.params().to_toml(), path.as_ref())?;
            let mut best = f64::NAN;
            let direction = settings.objective.score.direction();
            let mut watch = |epoch: &Epoch| {
                if best.is_nan() || direction.is_better(epoch.valid_score, best) {
                    best = epoch.valid_score;
                }
                match trial.report(epoch.epoch as u64, best) {
                    Verdict::Continue => ControlFlow::Continue(()),
                    Verdict::Stop => ControlFlow::Break(()),
                }
            };
            let name = name(trial.number());
            let outcome = one(&own, &name, Some(&mut watch), Progress::Hidden);
            // A trial that diverged has failed; a full disk or a Ctrl-C ends the search, which goes on where it was.
            let outcome = match outcome {
                Ok(_) => Ok(best),
                Err(error @ TrainError::Diverged { .. }) => Err(error),
                Err(error) => return Err(error.into()),
            };
            let done = study.tell(trial, outcome)?;
            eprintln!(
                "{}trial {}/{n}  {:?} after {} epochs  valid {} {}  {:.0} s",
                place.title,
                done.number + 1,
                done.state,
                done.reports.len(),
                settings.objective.score,
                done.value.map_or("-".to_owned(), |v| format!("{v:.4}")),
                began.elapsed().as_secs_f64(),
            );
        }
        trials = study.trials();
    }
    let names = match trials.is_empty() {
        true => vec!["only".to_owned()],
        false => best(&trials, settings)?,
    };
    let mut members = Vec::with_capacity(names.len());
    for name in &names {
        let folder = RunDir::open(place.run.file("trials").join(name))?;
        let bundle = Bundle::load(&folder, MODEL)?;
        if history.is_none() {
            let csv = folder.read(RunDir::METRICS, 1 << 24)?;
            history = Some(History::from_csv(&String::from_utf8_lossy(&csv))?);
        }
        members.push(Member {
            name: name.clone(),
            weight: 1.0 / names.len() as f64,
            bundle,
        });
    }
    let ensemble = Ensemble { members };
    ensemble.save(place.run)?;
    Ok(Outcome {
        answerer: Answerer::new::<A>(ensemble, place.device)?,
        trials,
        history: history.unwrap_or_default(),
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn name(trial: usize) -> String {
    format!("trial-{trial:03}")
}

/// The names of the best complete trials.
fn best(trials: &[FinishedTrial], settings: &Settings) -> Result<Vec<String>> {
    let mut complete: Vec<(f64, usize)> = trials
        .iter()
        .filter(|trial| trial.state == TrialState::Complete)
        .filter_map(|trial| Some((trial.value?, trial.number)))
        .collect();
    complete.sort_by(|a, b| match settings.objective.score.direction() {
        Direction::HigherIsBetter => b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)),
        Direction::LowerIsBetter => a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)),
    });
    ensure!(
        !complete.is_empty(),
        "no trial was completed: the first failed with `{}`",
        trials
            .first()
            .map_or("nothing", |trial| trial.message.as_str())
    );
    complete.truncate(settings.search.members);
    Ok(complete.into_iter().map(|(_, trial)| name(trial)).collect())
}

type Watch<'a> = &'a mut dyn FnMut(&Epoch) -> ControlFlow<()>;

/// One training in a folder of its own.
#[allow(clippy::too_many_arguments)] // A closure above binds all that does not change.
fn one<A: Alphabet>(
    settings: &Settings,
    recipe: &FittedRecipe,
    reading: &Reading<A>,
    train: &Rows<A>,
    valid: &Rows<A>,
    place: &Place<'_>,
    name: &str,
    mut watch: Option<Watch<'_>>,
    progress: Progress,
) -> Result<Fitted<SequenceLstm>, TrainError> {
    let folder = RunDir::create(place.run.file("trials").join(name))?;
    let config_toml = hairpin::train::config::to_toml(settings)?;
    let mut origin = place.origin.clone();
    origin.push(("configuration of the trial".to_owned(), config_toml.clone()));
    let on_train = SequenceDataset::new(&train.sequences, reading.clone());
    let on_valid = SequenceDataset::new(&valid.sequences, reading.clone());
    let begun = place.resume && folder.has_checkpoint()?;
    let mut relay = |epoch: &Epoch| match &mut watch {
        Some(watch) => watch(epoch),
        None => ControlFlow::Continue(()),
    };
    let fitted = fit(
        |device| build(settings, reading, device),
        &settings.objective,
        Examples::new(&on_train, &train.targets),
        Examples::new(&on_valid, &valid.targets),
        &settings.fit,
        Session {
            origin,
            resume: begun,
            // A trial is short: what a kill costs is that trial.
            checkpoint_every: match settings.search.trials {
                0 => Duration::from_secs(10),
                _ => Duration::MAX,
            },
            progress,
            stop: place.stop.clone(),
            tensorboard: place.tensorboard,
            watch: Some(&mut relay),
            replicas: place.replicas.to_vec(),
            ..Session::new(&folder, place.device)
        },
    )?;
    let best = fitted.history.best();
    let learned = Learned {
        alphabet: A::NAME.to_owned(),
        recipe: recipe.clone(),
        valid_score: best.map_or(f64::NAN, |epoch| epoch.valid_score),
    };
    let learned = serde_json::to_value(&learned).map_err(|error| TrainError::BundleContent {
        path: folder.file(RunDir::TARGETS),
        reason: error.to_string(),
    })?;
    Bundle::of(MODEL, config_toml, learned, &fitted.model)?.save(&folder)?;
    folder.clear_checkpoint()?;
    Ok(fitted)
}

fn build<A: Alphabet>(
    settings: &Settings,
    reading: &Reading<A>,
    device: &Device,
) -> Result<SequenceLstm, ModelError> {
    let mut model = settings.model.clone();
    model.d_input = reading.channels();
    model.init(device)
}

impl Answerer {
    /// The members of a run's folder, whose alphabet must be `A`.
    pub(crate) fn load<A: Alphabet>(run: &RunDir, device: &Device) -> Result<Self> {
        Self::new::<A>(Ensemble::load(run, MODEL)?, device)
    }

    fn new<A: Alphabet>(ensemble: Ensemble, device: &Device) -> Result<Self> {
        let mut members = Vec::with_capacity(ensemble.members.len());
        for Member { name, bundle, .. } in ensemble.members {
            let learned: Learned = serde_json::from_value(bundle.targets.clone())
                .with_context(|| format!("member {name}: its targets.json is not one of ours"))?;
            ensure!(
                learned.alphabet == A::NAME,
                "member {name} reads {}, not {}",
                learned.alphabet,
                A::NAME
            );
            let settings = Settings::default().under(&bundle.config_toml, name.as_ref())?;
            members.push(Trained {
                model: bundle.into_model(build(
                    &settings,
                    &Reading::<A>::new(&settings.data, [])?,
                    device,
                )?)?,
                recipe: learned.recipe,
                valid_score: learned.valid_score,
                settings,
                name,
            });
        }
        let batch_size = members.iter().map(|member| member.settings.fit.batch_size);
        Ok(Self {
            batch_size: batch_size.max().unwrap_or(32),
            members,
        })
    }

    /// The alphabet that a run's members read.
    pub(crate) fn alphabet(run: &RunDir) -> Result<String> {
        let ensemble = Ensemble::load(run, MODEL)?;
        let first = &ensemble.members[0].bundle.targets;
        let learned: Learned = serde_json::from_value(first.clone())?;
        Ok(learned.alphabet)
    }

    /// The name of every member, its score on the validation rows and its settings.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, f64, &Settings)> {
        self.members
            .iter()
            .map(|own| (own.name.as_str(), own.valid_score, &own.settings))
    }

    /// The best member's network, in evaluation.
    pub(crate) fn best_model(&self) -> &SequenceLstm {
        &self.members[0].model
    }

    /// The mean over the members in the target's own units, and how far they disagree (one standard deviation).
    pub(crate) fn answer<A: Alphabet>(
        &self,
        sequences: &[Seq<A>],
        device: &Device,
    ) -> Result<(TargetMatrix, Vec<f32>)> {
        // What is read is no setting that a search tries: all members read alike.
        let reading = Reading::new(&self.members[0].settings.data, sequences)?;
        let inputs = SequenceDataset::new(sequences, reading);
        let mut answers = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let objective = &member.settings.objective;
            let found = predict(&member.model, objective, &inputs, self.batch_size, device)?;
            let found = TargetMatrix::new(found, member.recipe.output_names())?;
            answers.push(member.recipe.invert(&found)?);
        }
        let blend = Blend::Mean.fit(&answers, &answers[0])?;
        let apart = match answers.len() {
            1 => vec![0.0; sequences.len()],
            _ => spread(&answers)?.column(0).to_vec(),
        };
        Ok((blend.apply(&answers)?, apart))
    }
}
