//! What can be wrong with targets, splits, predictions and controls.

use hairpin_seq::SeqError;

/// Everything that `hairpin-targets` refuses.
///
/// Rows and columns are counted from 0, as they are indexed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A matrix has another shape than the one it belongs to.
    #[error(
        "{what} has {} rows and {} columns, expected {} rows and {} columns",
        found.0, found.1, expected.0, expected.1
    )]
    Shape {
        /// Which matrix.
        what: &'static str,
        /// Rows and columns it should have.
        expected: (usize, usize),
        /// Rows and columns it has.
        found: (usize, usize),
    },
    /// A list has another length than the one it belongs to.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Entries it should have.
        expected: usize,
        /// Entries it has.
        found: usize,
    },
    /// Something that needs at least one row got none.
    #[error("{what} is empty: at least one row is needed")]
    NoRows {
        /// Which input.
        what: &'static str,
    },
    /// Two columns carry the same name.
    #[error("columns {first} and {second} are both named {name:?}: give every column its own name")]
    DuplicateName {
        /// The name that occurs twice.
        name: String,
        /// The first column of that name.
        first: usize,
        /// The second column of that name.
        second: usize,
    },
    /// A measured value is NaN or infinite.
    #[error(
        "row {row}, column {name:?}: the value is {value}; \
         mask what was not measured with TargetMatrix::with_mask"
    )]
    NotFinite {
        /// Row of the value.
        row: usize,
        /// Name of its column.
        name: String,
        /// The value.
        value: f32,
    },
    /// A label names a class that does not exist.
    #[error(
        "{what}, row {row}: label {label} is not one of the {n_classes} classes (0 to {n_classes} exclusive)"
    )]
    Label {
        /// Which list of labels.
        what: &'static str,
        /// Row of the label.
        row: usize,
        /// The label.
        label: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// A row was asked for that does not exist.
    #[error("row {row} was asked for, but there are {n_rows} rows (0 to {n_rows} exclusive)")]
    Row {
        /// The row asked for.
        row: usize,
        /// Rows there are.
        n_rows: usize,
    },
    /// A fraction of a split is not between 0 and 1.
    #[error("the {part} fraction is {value}: expected a number from 0 to 1")]
    Fraction {
        /// `train`, `valid` or `test`.
        part: &'static str,
        /// The fraction given.
        value: f64,
    },
    /// The fractions of a split do not add up.
    #[error("the fractions of train, valid and test add up to {sum}: expected 1")]
    FractionSum {
        /// What they add up to.
        sum: f64,
    },
    /// A row is in a split twice.
    #[error("row {row} is in the split twice: train, valid and test must not share a row")]
    SplitRepeats {
        /// The row.
        row: usize,
    },
    /// A row is missing from a split.
    #[error("row {row} is in none of train, valid and test, although higher rows are")]
    SplitMisses {
        /// The first missing row.
        row: usize,
    },
    /// A predicted probability is NaN or outside 0 to 1.
    #[error("row {row}, class {class}: {value} is not a probability")]
    Probability {
        /// Row of the prediction.
        row: usize,
        /// Class, that is column.
        class: usize,
        /// The value.
        value: f32,
    },
    /// The probabilities of a row do not add up to 1.
    #[error("row {row}: the probabilities add up to {sum}, expected 1 (were these logits?)")]
    ProbabilitySum {
        /// Row of the prediction.
        row: usize,
        /// What they add up to.
        sum: f64,
    },
    /// A prediction is NaN where a most likely class was asked for.
    #[error("row {row}, class {class}: the prediction is NaN, so no class is the most likely one")]
    NanPrediction {
        /// Row of the prediction.
        row: usize,
        /// Class, that is column.
        class: usize,
    },
    /// A confidence level is not between 0 and 1.
    #[error("the confidence level is {level}: expected a number above 0 and below 1, such as 0.95")]
    Level {
        /// The level given.
        level: f64,
    },
    /// A bootstrap without resamples was asked for.
    #[error("the bootstrap has 0 resamples: at least 1 is needed, and 1000 or more are usual")]
    NoResamples,
    /// A pseudocount is not a number above 0, or so small or large that a probability would be lost to rounding.
    #[error("the pseudocount is {value}: expected a number from 1e-300 to 1e300")]
    Pseudocount {
        /// The pseudocount given.
        value: f64,
    },
    /// A Markov chain of too high an order was asked for.
    #[error(
        "the Markov chain's order is {order}: expected 0 to {max}, the table grows as 4^(order + 1)"
    )]
    Order {
        /// The order given.
        order: usize,
        /// The highest order there is.
        max: usize,
    },
    /// No orders to choose from were given.
    #[error("the list of Markov chain orders to choose from is empty")]
    NoOrders,
    /// Fewer groups than parts to put them in.
    #[error(
        "{groups} groups cannot fill {parts} parts: ask for fewer parts, or for smaller groups"
    )]
    TooFewGroups {
        /// Groups there are.
        groups: usize,
        /// Parts, or folds, that need at least one each.
        parts: usize,
    },
    /// A number of folds that the rows do not allow.
    #[error(
        "{n_folds} folds of {rows} rows: expected 2 or more folds, and at least one row for each"
    )]
    Folds {
        /// Folds asked for.
        n_folds: usize,
        /// Rows there are.
        rows: usize,
    },
    /// A fold without a row.
    #[error("fold {fold} tests no row: every fold needs at least one")]
    EmptyFold {
        /// The fold.
        fold: usize,
    },
    /// A cross-validation without a repeat was asked for.
    #[error("0 repeats of the folds: expected 1 or more")]
    NoRepeats,
    /// Bins were asked for, but none.
    #[error("0 bins: expected 1 or more")]
    NoBins,
    /// A value is NaN where values are put in order.
    #[error("{what}, row {row}: the value is NaN, which has no place in an order")]
    NanValue {
        /// Which values.
        what: &'static str,
        /// Row of the value.
        row: usize,
    },
    /// A similarity above which things count as similar is out of range.
    #[error(
        "the similarity threshold is {threshold}: expected a number above 0 and at most 1, such as 0.8"
    )]
    Threshold {
        /// The threshold given.
        threshold: f64,
    },
    /// A threshold of items' similarity is NaN or infinite.
    #[error(
        "the threshold is {threshold}: expected a finite number, on the scale of the similarities"
    )]
    BadThreshold {
        /// The threshold given.
        threshold: f64,
    },
    /// One cluster of similar sequences does not fit any part of a split.
    #[error(
        "one cluster of similar sequences has {rows} rows, and the largest part has room for {room}: \
         raise the threshold, ask for fewer or larger parts, or group by similarity::clusters and split by groups"
    )]
    ClusterTooLarge {
        /// Rows of the cluster.
        rows: usize,
        /// Rows the largest part should have.
        room: usize,
    },
    /// A similarity of two items is NaN or infinite.
    #[error("the similarity of items {first} and {second} is {value}: expected a finite number")]
    BadSimilarity {
        /// The first item.
        first: usize,
        /// The second item.
        second: usize,
        /// The similarity given.
        value: f64,
    },
    /// A sequence encoder refused its settings.
    #[error(transparent)]
    Seq(#[from] SeqError),
}
