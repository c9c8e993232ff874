//! Training, from the files to the report.

use crate::FIXTURE;
use crate::cli::TrainArgs;
use crate::controls;
use crate::data::{Division, Material, Side, TestFiles, names};
use crate::effects::ProbeEffects;
use crate::judge::{Judgement, THE_MODEL};
use crate::learn::{self, Learned, Place, learn};
use crate::motifs;
use crate::mutants;
use crate::networks::{Networks, answers};
use crate::predict;
use crate::proteins::{self, Neighbours, ProteinVectors, Source};
use crate::rows::{self, Raw, Rows};
use crate::settings::{Reads, Settings};
use crate::structure::Structure;
use crate::trained::Trained;
use anyhow::{Context, Result, ensure};
use hairpin::seq::{Rna, Seq};
use hairpin::targets::metrics::repeat_correlation;
use hairpin::targets::similarity::between_all;
use hairpin::targets::{FittedRecipe, TargetMatrix};
use hairpin::tasks::rnacompete::{read_test, score};
use hairpin::tasks::write_columns;
use hairpin::train::history::History;
use hairpin::train::manifest::{Launch, Manifest, git_commit};
use hairpin::train::report::Report;
use hairpin::train::{Ensemble, Member, RunDir, Stop};
use ndarray::{ArrayView1, Axis};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// What each held-out protein is predicted to bind.
const MOTIFS: &str = "motifs.meme";

/// The networks that are judged, in the folder of a run's trainings.
const JUDGED: &str = "network";

/// The networks of all proteins, there.
const EVERYONE: &str = "all-proteins";

/// How much each residue of the held-out proteins counts, where residues are read.
const ATTENTION: &str = "attention.csv";

/// The answer to the official test files, in a run's folder.
const ANSWER: &str = "answer";

pub(crate) fn train(args: &TrainArgs) -> Result<()> {
    let started = Instant::now();
    let settings = Settings::load(args.config.as_deref(), args.seed)?;
    let (device, replicas) = args.device.open()?;
    let folder = args.data.as_deref().unwrap_or(Path::new(FIXTURE));
    ensure!(
        args.domains.is_none() || settings.proteins.reads == Reads::Residues,
        "--domains: domains are of residues, and proteins.reads is another: set it to \"residues\""
    );
    let reading = settings.data.reading();
    let (material, division) = match args.seen {
        false => {
            let material = Material::of_proteins(folder, args.domains.as_deref(), reading)?;
            let division = Division::by_protein(&material, &settings)?;
            (material, division)
        }
        true => {
            let material = Material::of_columns(folder, reading)?;
            let division = Division::by_probe(&material, &settings)?;
            (material, division)
        }
    };
    if let Some(found) = &material.duplicates {
        eprintln!("proteins: {found}");
    }
    let embeddings = match &args.embeddings {
        None => None,
        Some(path) => {
            let proteins = material.proteins.as_ref();
            let proteins = proteins.context("embeddings are of proteins, and none were read")?;
            let of_residues = settings.proteins.reads == Reads::Residues;
            Some(Raw::read(path, proteins, of_residues, None)?)
        }
    };
    let run = RunDir::create(&args.run)?;
    let mut files = material.files.clone();
    files.extend(args.embeddings.clone());
    files.extend(args.domains.clone());
    let manifest = Manifest {
        git_commit: git_commit(Path::new(".")),
        seed: settings.fit.seed,
        ..Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    }
    .on(&args.device)
    .with_data(&files)?;
    // A run that was killed before its first checkpoint begins anew.
    let first = learn::folder(&run, JUDGED, 1)?;
    let manifest = manifest.begin(&first, args.resume && first.has_checkpoint()?)?;
    Launch::now(std::env::args().collect(), &files).record(&run)?;

    let structure = fold(&material, &division, &settings, &run)?;
    let (source, raw) = rows::vectors(&material, embeddings, &settings)?;
    let seen = Seen {
        material: &material,
        structure: &structure,
        settings: &settings,
        source,
        raw: &raw,
    };
    let Lesson {
        learned,
        recipe,
        rows: of_learn,
        targets: on_learn,
    } = seen.lesson(&division.learn)?;
    let rows = |side| Rows::new(&material, &structure, (&learned.proteins, &raw), side);
    // Whoever is held out has a scale of its own; of probes that are held out the proteins' scale is known.
    let transformed = |targets: TargetMatrix| match args.seen {
        true => recipe.apply_owned(targets),
        false => settings.data.recipe.fit(&targets)?.apply_owned(targets),
    };
    let on_choose = transformed(material.targets(&division.choose)?)?;
    let of_choose = rows(&division.choose)?;
    let stop =
        Stop::on_ctrl_c(|| eprintln!("stopping after this batch; Ctrl-C again to stop at once"))?;
    let mut origin = vec![
        ("configuration".to_owned(), settings.to_toml()?),
        ("device".to_owned(), args.device.to_string()),
        ("--seen".to_owned(), args.seen.to_string()),
    ];
    origin.extend(manifest.data.iter().map(|file| {
        let name = format!("{} (by SHA-256)", file.name);
        (name, file.sha256.clone())
    }));
    let place = Place {
        run: &run,
        device: &device,
        replicas: &replicas,
        origin,
        resume: args.resume,
        tensorboard: args.tensorboard,
        stop: &stop,
    };
    let config_toml = manifest.append_to(&settings.to_toml()?)?;
    let fitted = learn(
        (JUDGED, None),
        &settings,
        [(&of_learn, &on_learn), (&of_choose, &on_choose)],
        &learned,
        &config_toml,
        &place,
    )?;
    let (networks, members, histories) = Networks::of(fitted);
    let trained_seconds = started.elapsed().as_secs_f64();

    let truth = transformed(material.targets(&division.judge)?)?;
    let judged = rows(&division.judge)?;
    let probes: Vec<Seq<Rna>> = division
        .judge
        .probes
        .iter()
        .map(|&row| material.probes[row].clone())
        .collect();
    let (own, each) = answers(&networks, &judged, truth.names(), &device)?;
    let parts = (1..).zip(each);
    let mut parts: Vec<(String, TargetMatrix)> = parts
        .map(|(number, answer)| (format!("network {number}"), answer))
        .collect();
    let (mut answered, own) = match args.seen {
        true => (controls::of_probes(&material, &division, &recipe)?, own),
        false => {
            let side = Side {
                proteins: division.learn.proteins.clone(),
                probes: division.judge.probes.clone(),
            };
            let profiles = recipe.apply_owned(material.targets(&side)?)?;
            let controls = controls::of_proteins(&material, &division, &profiles, truth.names())?;
            let own = match settings.data.probe_effects {
                false => own,
                true => {
                    let effects = seen.effects(&networks, &learned, &side, &profiles, &device)?;
                    let both = effects.add(&probes, &own)?;
                    parts.push(("without the effects of probes".to_owned(), own));
                    both
                }
            };
            (controls, own)
        }
    };
    answered.push((THE_MODEL.to_owned(), own));
    let judgement = Judgement {
        identity: identity(&material, &division)?,
        ceilings: ceilings(&material, &division, &settings)?,
        truth,
        answers: answered,
    };

    let (_, of_model) = judgement.answers.last().context("the network was judged")?;
    let found = motifs::find(&probes, of_model)?;
    if !found.is_empty() {
        run.write(MOTIFS, motifs::to_meme(&found)?.as_bytes())?;
    }

    let shown: Vec<usize> = judgement.shown()?.iter().map(|own| own.1).collect();
    let mut explanations = mutants::figures(&networks, &judged, (of_model, &shown), &device)?;
    explanations.extend(mutants::of_residues(
        &networks,
        &judged,
        (of_model, &shown),
        &device,
    )?);
    explanations.extend(motifs::figures(&found)?);
    if let Some(table) = mutants::attention(&networks, &judged, of_model.names(), &device)? {
        write_columns(&run.file(ATTENTION), &table)?;
    }

    let everyone = match settings.data.retrain && !args.seen {
        true => Some(retrain(&seen, &division, &histories, &place, &config_toml)?),
        false => None,
    };
    let (members, effects) = match &everyone {
        Some(everyone) => (everyone.members.clone(), everyone.effects.clone()),
        None if args.seen || !settings.data.probe_effects => (members, None),
        None => {
            let effects = seen.effects(&networks, &learned, &division.learn, &on_learn, &device)?;
            (members, Some(effects))
        }
    };
    if let Some(effects) = effects {
        effects.save(&run)?;
    }
    Ensemble { members }.save(&run)?;
    run.write(RunDir::RUN, config_toml.as_bytes())?;
    let trained = Trained::load(&run, &device)?;
    let test = match (args.seen, TestFiles::in_folder(folder)) {
        (false, Some(files)) if args.embeddings.is_none() => {
            Some(answer_test(&trained, &files, &run, &device)?)
        }
        _ => None,
    };
    let split = json!({
        "divided": division.how,
        "learn": names(&material, &division.learn.proteins),
        "choose": names(&material, &division.choose.proteins),
        "judge": names(&material, &division.judge.proteins),
        "probes": [division.learn.probes.len(), division.choose.probes.len(), division.judge.probes.len()],
        "dropped": material.duplicates.as_ref().map(|found| &found.dropped),
    });
    run.write(RunDir::SPLIT, &serde_json::to_vec_pretty(&split)?)?;
    let seconds = started.elapsed().as_secs_f64();
    let what = match args.seen {
        true => "proteins, probes held out",
        false => "held-out proteins",
    };
    let tables = judgement.tables(what)?;
    let ensemble = match parts.is_empty() {
        true => None,
        false => Some(judgement.parts(&parts)?),
    };
    let verdict = judgement.verdict()?;
    let mut result = judgement.json(&parts)?;
    result["run"] = json!(run.path());
    result["verdict"] = json!(verdict.as_ref().map(|verdict| verdict.text.as_str()));
    result["seed"] = json!(settings.fit.seed);
    result["train_seconds"] = json!(trained_seconds);
    result["seconds"] = json!(seconds);
    result["test"] = json!(test);
    let nearest = found.iter().map(|own| {
        json!({
            "protein": own.protein,
            "motif": own.consensus,
            "nearest": own.nearest.as_ref().map(|nearest| nearest.name.as_str()),
            "q": own.nearest.as_ref().map(|nearest| nearest.q_value),
        })
    });
    result["motifs"] = json!(nearest.collect::<Vec<_>>());
    run.write("judgement.json", &serde_json::to_vec_pretty(&result)?)?;
    let shown: String = tables
        .iter()
        .take(3)
        .filter(|table| table.highlight.is_some())
        .chain(&ensemble)
        .map(|table| table.to_text() + "\n")
        .collect();
    let report = Report {
        title: match args.seen {
            true => "RNAcompete, seen proteins: two_tower".to_owned(),
            false => "RNAcompete, unseen proteins: two_tower".to_owned(),
        },
        summary: vec![("time".to_owned(), format!("{seconds:.1} s"))],
        data: facts(&material, folder, &learned),
        split: vec![
            ("divided".to_owned(), division.how.clone()),
            ("to learn from".to_owned(), counts(&division.learn)),
            ("to choose by".to_owned(), counts(&division.choose)),
            ("held out".to_owned(), counts(&division.judge)),
            (
                "in the bundle".to_owned(),
                match &everyone {
                    Some(Everyone { side, epochs, .. }) => format!(
                        "another network, of {}, trained for {epochs} epochs: nothing was held out of it, and no score here is its own",
                        counts(side)
                    ),
                    None => "the network that was judged".to_owned(),
                },
            ),
        ],
        predictions: judgement.drawings()?,
        history: histories.into_iter().next(),
        ensemble,
        explanations,
        tables,
        config_toml: settings.to_toml()?,
        launches: Launch::all(&run)?,
        manifest: Some(manifest),
        verdict: verdict.clone(),
        ..Report::default()
    };
    run.write(RunDir::REPORT, report.to_html().as_bytes())?;
    if args.json {
        println!("{result}");
    } else {
        if let Some(verdict) = verdict {
            println!("{}\n", verdict.text);
        }
        println!("{shown}");
        if let Some(test) = &test {
            println!("answer       {}", run.file(ANSWER).display());
            if let Some(median) = test["median_pearson"]["value"].as_f64() {
                println!("test         median Pearson {median:.3}");
            }
        }
        println!("report       {}", run.file(RunDir::REPORT).display());
        println!("time         {seconds:.1} s");
    }
    let n = settings.ensemble.networks;
    if everyone.is_some() {
        learn::clear(&run, EVERYONE, n)?;
    }
    learn::clear(&run, JUDGED, n)
}

/// What there is to learn from.
struct Seen<'a> {
    material: &'a Material,
    structure: &'a Structure,
    settings: &'a Settings,
    source: Source,
    /// Vectors of all proteins as they come from the source.
    raw: &'a Raw,
}

/// One side of a division, ready to be learned from.
struct Lesson {
    learned: Learned,
    recipe: FittedRecipe,
    rows: Rows,
    targets: TargetMatrix,
}

impl Seen<'_> {
    /// Scaling, kin and recipe are those of this side alone.
    fn lesson(&self, side: &Side) -> Result<Lesson> {
        let temperature = self.settings.proteins.neighbours;
        let neighbours = match temperature > 0.0 && !self.source.reads_residues() {
            true => self.material.sequences(&side.proteins),
            false => None,
        };
        let neighbours = neighbours.map(|train| Neighbours::new(temperature, &train));
        let raw = match self.raw {
            Raw::Proteins(vectors) => vectors.select(Axis(0), &side.proteins),
            Raw::Residues(vectors) => {
                let vectors = side.proteins.iter().map(|&row| vectors[row].view());
                proteins::some_residues(&vectors.collect::<Vec<_>>())?
            }
        };
        let vectors = ProteinVectors::fit(self.source.clone(), raw, neighbours)?;
        let targets = self.material.targets(side)?;
        let recipe = self.settings.data.recipe.fit(&targets)?;
        let rows = Rows::new(self.material, self.structure, (&vectors, self.raw), side)?;
        Ok(Lesson {
            learned: Learned::new(vectors, recipe.clone(), self.structure),
            targets: recipe.apply_owned(targets)?,
            recipe,
            rows,
        })
    }

    /// What is true of each probe of a side, beyond what networks say of it.
    fn effects(
        &self,
        networks: &Networks,
        learned: &Learned,
        side: &Side,
        measured: &TargetMatrix,
        device: &hairpin::train::Device,
    ) -> Result<ProbeEffects> {
        let vectors = (&learned.proteins, self.raw);
        let rows = Rows::new(self.material, self.structure, vectors, side)?;
        let (predicted, _) = answers(networks, &rows, measured.names(), device)?;
        let probes = side
            .probes
            .iter()
            .map(|&row| self.material.probes[row].clone());
        ProbeEffects::fit(&probes.collect::<Vec<_>>(), measured, &predicted)
    }
}

/// Networks that have learned from all proteins.
struct Everyone {
    side: Side,
    /// Of each network, in words.
    epochs: String,
    members: Vec<Member>,
    effects: Option<ProbeEffects>,
}

/// Learns from all proteins, each network as many epochs as were best when some were held out; the bundle becomes that of these networks.
fn retrain(
    seen: &Seen<'_>,
    division: &Division,
    histories: &[History],
    place: &Place<'_>,
    config_toml: &str,
) -> Result<Everyone> {
    let all: Vec<usize> = (0..seen.material.intensities.n_columns()).collect();
    let side = Side {
        proteins: all.clone(),
        probes: division.learn.probes.clone(),
    };
    // Shown, to see whether it learns: nothing is held out any more.
    let shown = Side {
        proteins: all,
        probes: division.choose.probes.clone(),
    };
    let Lesson {
        learned,
        recipe,
        rows,
        targets,
    } = seen.lesson(&side)?;
    let of_shown = Rows::new(
        seen.material,
        seen.structure,
        (&learned.proteins, seen.raw),
        &shown,
    )?;
    let on_shown = recipe.apply_owned(seen.material.targets(&shown)?)?;
    let settings = seen.settings;
    let epochs: Vec<usize> = histories
        .iter()
        .map(|history| {
            history
                .best()
                .map_or(settings.fit.epochs, |best| best.epoch)
        })
        .collect();
    let in_words: Vec<String> = epochs.iter().map(usize::to_string).collect();
    let in_words = in_words.join(", ");
    eprintln!("all {} proteins, {in_words} epochs", side.proteins.len());
    let fitted = learn(
        (EVERYONE, Some(&epochs)),
        settings,
        [(&rows, &targets), (&of_shown, &on_shown)],
        &learned,
        config_toml,
        place,
    )?;
    let (networks, members, _) = Networks::of(fitted);
    let effects = match settings.data.probe_effects {
        true => Some(seen.effects(&networks, &learned, &side, &targets, place.device)?),
        false => None,
    };
    Ok(Everyone {
        side,
        epochs: in_words,
        members,
        effects,
    })
}

/// The structure of the probes that are used at all.
fn fold(
    material: &Material,
    division: &Division,
    settings: &Settings,
    run: &RunDir,
) -> Result<Structure> {
    if !settings.data.structure {
        return Ok(Structure::none(&material.probes));
    }
    let sides = [&division.learn, &division.choose, &division.judge];
    let mut used: Vec<usize> = sides.iter().flat_map(|side| side.probes.clone()).collect();
    used.sort_unstable();
    used.dedup();
    let file = material.probe_file();
    Structure::of_rows(&material.probes, &used, file, run)
        .with_context(|| file.display().to_string())
}

/// Of each judged protein the identity to the nearest that was learned from, where sequences are known.
fn identity(material: &Material, division: &Division) -> Result<Option<Vec<f64>>> {
    let judged = material.sequences(&division.judge.proteins);
    let learned = material.sequences(&division.learn.proteins);
    let (Some(judged), Some(learned)) = (judged, learned) else {
        return Ok(None);
    };
    let found = between_all(&judged, &learned, &proteins::identity())?;
    let nearest = |row: ArrayView1<'_, f64>| row.iter().copied().fold(0.0, f64::max);
    Ok(Some(found.rows().into_iter().map(nearest).collect()))
}

/// The square root of the correlation of repeated probes, of each judged protein, if probes are repeated.
fn ceilings(
    material: &Material,
    division: &Division,
    settings: &Settings,
) -> Result<Option<Vec<Option<f64>>>> {
    let (rows, repeats) = material.repeats();
    if rows.len() < 60 {
        return Ok(None);
    }
    let mut side = division.judge.clone();
    side.probes = rows;
    let targets = material.targets(&side)?;
    let targets = settings.data.recipe.fit(&targets)?.apply_owned(targets)?;
    let ceilings = targets.values().columns().into_iter().map(|column| {
        let reliability = repeat_correlation(&column.to_vec(), &repeats)?;
        // Below this there is nothing but noise, and a share of it says nothing.
        (reliability > 0.05).then(|| reliability.sqrt())
    });
    Ok(Some(ceilings.collect()))
}

/// Writes the answer to the official test files and scores it where the truth is known.
fn answer_test(
    trained: &Trained,
    files: &TestFiles,
    run: &RunDir,
    device: &hairpin::train::Device,
) -> Result<serde_json::Value> {
    let test = read_test(
        &files.proteins,
        &files.probes,
        trained.settings.data.reading(),
    )?;
    let proteins = predict::proteins(trained, &test, &files.proteins, (None, None))?;
    let out = run.file(ANSWER);
    predict::write(
        trained,
        &proteins,
        &test,
        &files.probes,
        (out.as_path(), 0),
        run,
        device,
    )?;
    let mut found =
        json!({ "folder": out, "proteins": test.proteins.len(), "probes": test.probes.len() });
    if let Some(truth) = &files.intensities {
        let score = score(&out, truth)?;
        found["median_pearson"] = json!(score.median);
        found["mean_pearson"] = json!(score.mean);
    }
    Ok(found)
}

fn counts(side: &Side) -> String {
    format!(
        "{} proteins x {} probes",
        side.proteins.len(),
        side.probes.len()
    )
}

fn facts(material: &Material, folder: &Path, learned: &Learned) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let mut facts = vec![
        fact("folder", folder.display().to_string()),
        fact("proteins", material.intensities.n_columns().to_string()),
        fact("probes", material.probes.len().to_string()),
        fact("proteins as", learned.proteins.to_string()),
    ];
    if let Some(found) = &material.duplicates {
        facts.push(fact("identical proteins", found.to_string()));
    }
    let repeated = material.repeats().0.len();
    if repeated > 0 {
        facts.push(fact(
            "measurements of repeated probes",
            repeated.to_string(),
        ));
    }
    facts
}
