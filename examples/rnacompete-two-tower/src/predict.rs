//! The official answer: every pair of the proteins and probes of two files.

use crate::cli::PredictArgs;
use crate::proteins::{self, Source};
use crate::rows::{Proteins, Raw};
use crate::structure::Structure;
use crate::trained::Trained;
use anyhow::{Context, Result, bail};
use hairpin::tasks::rnacompete::{Submission, Test, read_domains, read_test};
use hairpin::train::{Device, RunDir};
use std::path::Path;
use std::time::Instant;

/// Proteins whose scores are in memory at once.
const BLOCK: usize = 8;

/// Where the time goes, in seconds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) structure: f64,
    pub(crate) towers: f64,
    pub(crate) product: f64,
    pub(crate) writing: f64,
}

pub(crate) fn predict(args: &PredictArgs) -> Result<()> {
    let began = Instant::now();
    let run = RunDir::open(&args.run)?;
    let device = args.device.device()?;
    let trained = Trained::load(&run, &device)?;
    let reading = trained.settings.data.reading();
    let test = read_test(&args.proteins, &args.probes, reading)?;
    let files = (args.proteins.as_path(), args.probes.as_path());
    let known = (args.embeddings.as_deref(), args.domains.as_deref());
    let read = proteins(&trained, &test, files.0, known)?;
    let times = write(
        &trained,
        &read,
        &test,
        files.1,
        (args.out.as_path(), args.average),
        &run,
        &device,
    )?;
    let seconds = began.elapsed().as_secs_f64();
    eprintln!(
        "structure {:.1} s, towers {:.1} s, product {:.1} s, writing {:.1} s",
        times.structure, times.towers, times.product, times.writing
    );
    let (proteins, probes) = (test.proteins.len(), test.probes.len());
    if args.json {
        let found = serde_json::json!({
            "proteins": proteins,
            "probes": probes,
            "folder": args.out,
            "seconds": seconds,
            "structure_seconds": times.structure,
            "tower_seconds": times.towers,
            "product_seconds": times.product,
            "writing_seconds": times.writing,
        });
        println!("{found}");
    } else {
        println!(
            "{proteins} proteins x {probes} probes in {}, {seconds:.1} s",
            args.out.display()
        );
    }
    Ok(())
}

/// The proteins as the run's networks read them.
pub(crate) fn proteins(
    trained: &Trained,
    test: &Test,
    file: &Path,
    (embeddings, domains): (Option<&Path>, Option<&Path>),
) -> Result<Proteins> {
    let learned = &trained.learned.proteins;
    if let (Some(path), false) = (domains, learned.source.reads_residues()) {
        bail!(
            "{}: this run reads no residues; leave --domains out, or train with proteins.reads = \"residues\"",
            path.display()
        );
    }
    let domains = domains.map(|path| read_domains(path, &test.proteins));
    let domains = domains.transpose()?;
    let n = test.proteins.len();
    let raw = match (&learned.source, embeddings) {
        (Source::Columns, _) => bail!(
            "this run knows proteins by their column alone (train --seen): it cannot predict others; train without --seen"
        ),
        (Source::Kin | Source::Residues { .. }, None) => Raw::Proteins(proteins::nothing(n)),
        (Source::Peptides { lags }, None) => {
            Raw::Proteins(proteins::peptides(&test.proteins, *lags)?)
        }
        (Source::Kin | Source::Peptides { .. } | Source::Residues { .. }, Some(path)) => bail!(
            "{}: this run was trained without embeddings; leave --embeddings out",
            path.display()
        ),
        (Source::Embeddings { weights } | Source::ResidueEmbeddings { weights }, Some(path)) => {
            let expected = Some((learned.source_width(), &**weights));
            let of_residues = learned.source.reads_residues();
            Raw::read(path, &test.proteins, of_residues, expected)?.0
        }
        (Source::Embeddings { weights } | Source::ResidueEmbeddings { weights }, None) => {
            let how = match learned.source.reads_residues() {
                true => "embed --per-residue",
                false => "embed",
            };
            bail!(
                "this run was trained with embeddings (weights {}...): make those of {} with `{how}` and give them with --embeddings",
                &weights[..weights.len().min(12)],
                file.display()
            )
        }
    };
    Proteins::new(learned, raw, Some(&test.proteins), domains.as_deref())
}

/// Structure, towers and products to the answer's folder, which appears whole or not at all.
pub(crate) fn write(
    trained: &Trained,
    proteins: &Proteins,
    test: &Test,
    probes: &Path,
    (out, average): (&Path, usize),
    cache: &RunDir,
    device: &Device,
) -> Result<Times> {
    // What is wrong with the folder is to be known before the work, not after it.
    let mut submission = Submission::create(out, test.proteins.len(), test.probes.len())?;
    let mut times = Times::default();
    let mut watch = Instant::now();
    let mut lap = || {
        std::mem::replace(&mut watch, Instant::now())
            .elapsed()
            .as_secs_f64()
    };
    let structure = match trained.settings.data.structure {
        true => Structure::of_file(&test.probes, probes, cache)?,
        false => Structure::none(&test.probes),
    };
    times.structure = lap();
    let mut shown = Instant::now();
    let show = |done, all| {
        if shown.elapsed().as_secs() >= 2 {
            shown = Instant::now();
            eprintln!("{done} of {all} probes");
        }
    };
    let pairs = trained
        .pairs((proteins, test), &structure, average, device, show)
        .with_context(|| probes.display().to_string())?;
    drop(structure);
    let effects = trained.effects(&test.probes);
    times.towers = lap();
    for first in (0..pairs.n_proteins()).step_by(BLOCK) {
        let scores = pairs.scores(first..(first + BLOCK).min(pairs.n_proteins()));
        times.product += lap();
        for column in scores.columns() {
            let with_effects = column
                .iter()
                .zip(&effects)
                .map(|(own, effect)| own + effect);
            submission.write(with_effects)?;
        }
        times.writing += lap();
    }
    submission.finish()?;
    times.writing += lap();
    Ok(times)
}
