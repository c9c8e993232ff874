//! A molecule in the colours of its predicted degradation, and what each single mutation would do to one of its bases.

use crate::answer::Answerer;
use crate::cli::PictureArgs;
use crate::features::Shown;
use crate::job::run_of;
use crate::molecules::{answers, beside, read, write_file};
use crate::outcome::drawing;
use anyhow::{Context, Result, ensure};
use hairpin::seq::{Rna, Seq};
use hairpin::tasks::open_vaccine::TARGETS;
use hairpin::train::Device;
use hairpin::train::explain::mutagenesis;

pub(crate) fn picture(args: &PictureArgs) -> Result<()> {
    let column = TARGETS.iter().position(|name| *name == args.column);
    let column = column.with_context(|| {
        format!(
            "--column is `{}`, expected one of {}",
            args.column,
            TARGETS.join(", ")
        )
    })?;
    let device = args.device.device()?;
    let answerer = Answerer::load(&run_of(args.run.as_deref())?, &device)?;
    let all = read(&args.fasta, answerer.settings.data.policy(), &answerer)?;
    let chosen = match &args.id {
        None => all.first(),
        Some(id) => all.iter().find(|own| own.id == *id),
    };
    let molecule = chosen.with_context(|| {
        let id = args.id.as_deref().unwrap_or("the first");
        format!("{}: no molecule `{id}`", args.fasta.display())
    })?;
    let length = molecule.sequence.len();
    if let Some(base) = args.base {
        ensure!(
            (1..=length).contains(&base),
            "--base is {base}, expected 1 to {length}"
        );
    }
    let answer = answers(&answerer, std::slice::from_ref(molecule), &device)?.remove(0);
    let values = answer.values().column(column).mapv(f64::from).to_vec();
    let title = format!("{} of {}", args.column, molecule.id);
    write_file(&args.out, drawing(molecule, &title, &values)?.as_bytes())?;
    println!("{}", args.out.display());
    let Some(base) = args.base else { return Ok(()) };
    let score = |mutants: &[Seq<Rna>]| of_base(&answerer, mutants, (base - 1, column), &device);
    let mut failed = None;
    let found = mutagenesis(&molecule.sequence, 256, |mutants| match score(mutants) {
        Ok(scores) => scores,
        Err(error) => {
            failed.get_or_insert(error);
            vec![0.0; mutants.len()]
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let out = beside(&args.out, &format!("-base-{base}"));
    let title = format!(
        "change of {} at base {base} of {}",
        args.column, molecule.id
    );
    write_file(&out, found.svg(Some(title))?.as_bytes())?;
    println!("{}", out.display());
    Ok(())
}

/// One value of one base in each mutant, every one folded anew.
fn of_base(
    answerer: &Answerer,
    mutants: &[Seq<Rna>],
    (base, column): (usize, usize),
    device: &Device,
) -> Result<Vec<f32>> {
    let folded = mutants.iter().map(|own| answerer.encoder().structure(own));
    let folded: Vec<_> = folded.collect::<Result<_>>()?;
    let shown = mutants.iter().zip(&folded);
    let shown: Vec<Shown<'_>> = shown
        .map(|(sequence, (structure, loops))| Shown {
            sequence,
            structure,
            loops,
        })
        .collect();
    let answers = answerer.answer(&shown, device)?;
    Ok(answers
        .iter()
        .map(|own| own.values()[[base, column]])
        .collect())
}
