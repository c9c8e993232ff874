//! Folds the RNA molecules of a FASTA file; `hairpin-fold --help` says how.
//!
//! The input is read and checked as a whole, so that a bad letter in the last record costs nothing. The molecules are then folded in portions, on all threads, and
//! written in their order: what is in memory is the input and one portion. Files appear under their names when everything is in them.

mod arguments;
mod beforehand;
mod draw;
mod error;
mod fold;
mod folded;
mod molecules;
mod npy;
mod output;
mod progress;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use crate::arguments::{Arguments, Other};
use crate::error::ProgramError;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Other::Draw(draw)) => draw::run(draw),
        None => stop_on_ctrl_c().and_then(|stop| fold::run(&arguments.fold, &stop)),
    };
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    // Whoever reads has enough: no reason for a message. A message that cannot be written is nobody's loss.
    if !error.is_closed_pipe() {
        let _ = writeln!(io::stderr(), "hairpin-fold: {}", error.with_sources());
    }
    ExitCode::from(error.status())
}

/// The first Ctrl-C ends the program after the molecules at hand, without any file; the second at once.
fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, ProgramError> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        let _ = writeln!(
            io::stderr(),
            "hairpin-fold: stopping after the molecules at hand; Ctrl-C again to stop at once"
        );
    })
    .map_err(|source| ProgramError::Signal { source })?;
    Ok(stop)
}
