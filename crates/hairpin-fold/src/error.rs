//! What can be wrong with a molecule, a structure, constraints or a parameter file.

/// Everything that `hairpin-fold` refuses.
///
/// Positions are counted from 1, as in the field.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// A molecule without a base.
    #[error("the sequence is empty: at least one base is needed")]
    Empty,
    /// A letter that is no base.
    #[error(
        "position {position}: {found:?} is no RNA base; use A, C, G, U (or T), or N for a base that pairs with nothing"
    )]
    Letter {
        /// Where.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// A molecule that needs more memory than allowed.
    #[error(
        "{length} bases need about {needed_mib} MiB, {limit_mib} MiB are allowed: \
         fold windows of it or with a beam (narrower, if it was one), or raise Settings::memory_limit"
    )]
    TooLong {
        /// Bases of the molecule.
        length: usize,
        /// Estimated memory.
        needed_mib: usize,
        /// The limit that was set.
        limit_mib: usize,
    },
    /// A structure of another length than its sequence.
    #[error("{what} has {found} positions, the sequence has {expected} bases")]
    Length {
        /// Which input.
        what: &'static str,
        /// Bases of the sequence.
        expected: usize,
        /// Positions found.
        found: usize,
    },
    /// A symbol that is not of dot-bracket notation.
    #[error("position {position}: {found:?} is not dot-bracket; use '(', ')' and '.'")]
    Bracket {
        /// Where.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// A symbol that says nothing of a base.
    #[error(
        "position {position}: {found:?} is no constraint; use '.', 'x', '|', '<', '>', '(' and ')'"
    )]
    ConstraintSymbol {
        /// Where.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// A bracket without its partner.
    #[error("position {position}: this bracket has no partner")]
    Unbalanced {
        /// Where.
        position: usize,
    },
    /// Two bases that cannot pair are paired.
    #[error("bases {i} and {j} cannot pair: {reason}")]
    NoPair {
        /// The 5' base.
        i: usize,
        /// The 3' base.
        j: usize,
        /// Why not.
        reason: &'static str,
    },
    /// Two constraints that exclude each other.
    #[error("position {position}: {reason}")]
    Constraint {
        /// Where.
        position: usize,
        /// Why it cannot be met.
        reason: &'static str,
    },
    /// No structure meets all constraints.
    #[error("no structure meets all constraints: free some base")]
    Unsatisfiable,
    /// A partition function that no float holds, even scaled.
    #[error(
        "the partition function of these {length} bases is not within the range of a float: weaken the pseudo-energies or fold windows"
    )]
    Range {
        /// Bases of the molecule.
        length: usize,
    },
    /// A pseudo-energy that is not finite or beyond 1000 kcal/mol.
    #[error(
        "position {position}: the pseudo-energy is {value}; give a finite number of kcal/mol, at most 1000"
    )]
    NotFinite {
        /// Where.
        position: usize,
        /// What stands there.
        value: f64,
    },
    /// A temperature at which the energies mean nothing.
    #[error("a temperature of {celsius} degrees Celsius: choose one from 0 to 100")]
    Temperature {
        /// What was asked for.
        celsius: f64,
    },
    /// A setting that means nothing.
    #[error("{name} is {value}: {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// What can be asked for.
        expected: &'static str,
    },
    /// A parameter file that cannot be read as one.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    ParameterFile {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What should stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// A parameter file without one of its tables.
    #[error(
        "the parameter file has no table '# {table}': every table is needed, none is taken from elsewhere"
    )]
    MissingTable {
        /// Name of the table.
        table: String,
    },
    /// A batch whose output has another size than its sequences ask for.
    #[error("{what}: expected {expected}, found {found}")]
    Size {
        /// Which buffer or sequence.
        what: &'static str,
        /// What is needed.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// One sequence of a batch was refused.
    #[error("sequence {row} of the batch: {source}")]
    Row {
        /// Index of the sequence, from 0.
        row: usize,
        /// Why.
        source: Box<FoldError>,
    },
    /// Windows in which nothing can be folded.
    #[error("windows of {size} bases with pairs over {span}: {reason}")]
    Window {
        /// Bases of a window.
        size: usize,
        /// Bases that a pair may span.
        span: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A least probability that is none.
    #[error("pairs are kept from a probability of {value}: choose one from 0 to 1")]
    Cutoff {
        /// What was asked for.
        value: f64,
    },
    /// A beam that keeps nothing.
    #[error("a beam of width 0 keeps nothing: choose one from 1, 100 is usual")]
    Beam,
    /// A range of values without an extent.
    #[error("colours from {low} to {high}: expected two finite numbers, the smaller one first")]
    ColourRange {
        /// Where it starts.
        low: f64,
        /// Where it ends.
        high: f64,
    },
}
