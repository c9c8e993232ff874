//! The program of `docs/search.md`: a range of trials into a table, with a loss that is computed and not trained.
//!
//! `cargo run -p hairpin-search --features cli --example search -- --space space.toml --trials 0..20 --table part.csv`

use std::path::PathBuf;

use clap::Parser;
use hairpin_search::{
    Budget, Params, Pruner, SearchError, Space, Study, StudyConfig, SuccessiveHalving, TrialRange,
    Verdict,
};

#[derive(Parser)]
struct Arguments {
    /// The space in TOML
    #[arg(long)]
    space: PathBuf,
    /// The table of trials, a new one or one to go on with
    #[arg(long)]
    table: PathBuf,
    /// Trials to run, such as 40..60
    #[arg(long)]
    trials: TrialRange,
    /// What all trials are drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

const EPOCHS: u64 = 27;

fn main() -> Result<(), SearchError> {
    let arguments = Arguments::parse();
    let halving = SuccessiveHalving {
        max_step: Some(EPOCHS),
        ..SuccessiveHalving::default()
    };
    let config = StudyConfig {
        seed: arguments.seed,
        pruner: Pruner::SuccessiveHalving(halving),
        ..StudyConfig::default()
    };
    let study = Study::open(Space::read(&arguments.space)?, config, &arguments.table)?;
    study.run(Budget::range(arguments.trials), |trial| {
        let floor = loss(trial.params())?;
        let after = |epoch: u64| floor + 1.0 / epoch as f64;
        for epoch in 1..=EPOCHS {
            if trial.report(epoch, after(epoch)) == Verdict::Stop {
                return Ok(after(epoch));
            }
        }
        Ok::<_, SearchError>(after(EPOCHS))
    })
}

/// What a network would reach in the end, were it as simple as this.
fn loss(params: &Params) -> Result<f64, SearchError> {
    let rate = params.float("learning_rate")?.log10();
    let size = params.float("layers")? * params.float("units")?.log2();
    let reset = params.float("reset_dropout").unwrap_or(0.4);
    Ok((rate + 2.5).powi(2) + 0.05 * (size - 14.0).powi(2) + params.float("dropout")? + reset)
}
