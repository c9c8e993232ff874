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
    /// A bootstrap of too many resamples was asked for.
    #[error(
        "the bootstrap has {resamples} resamples: expected at most {max}, and 10000 are plenty"
    )]
    TooManyResamples {
        /// The number asked for.
        resamples: usize,
        /// The most there may be.
        max: usize,
    },
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
    /// Two rows carry the same id.
    #[error("rows {first} and {second} both have the id {id:?}: give every row its own id")]
    DuplicateRowId {
        /// The id that occurs twice.
        id: String,
        /// The first row of that id.
        first: usize,
        /// The second row of that id.
        second: usize,
    },
    /// A column was asked for that does not exist.
    #[error(
        "column {column} was asked for, but there are {n_columns} columns (0 to {n_columns} exclusive)"
    )]
    Column {
        /// The column asked for.
        column: usize,
        /// Columns there are.
        n_columns: usize,
    },
    /// A column was asked for by a name that none has.
    #[error("{what}: no column is named {name:?}")]
    NoColumn {
        /// Where it is asked for.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A standard error is negative or infinite.
    #[error(
        "row {row}, column {name:?}: the standard error is {value}; \
         expected a number from 0 up, or NaN where it is not known"
    )]
    StandardError {
        /// Row of the value.
        row: usize,
        /// Name of its column.
        name: String,
        /// Its standard error.
        value: f32,
    },
    /// A setting is out of its range.
    #[error("{what}: {setting} is {value}, expected {expected}")]
    Setting {
        /// What it is a setting of.
        what: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// The value given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A column without a single measured value, of which nothing can be learned.
    #[error("{what}: column {name:?} has no measured value to learn from; leave it out")]
    NothingMeasured {
        /// What wanted to learn.
        what: &'static str,
        /// Name of the column.
        name: String,
    },
    /// A value that a step of a recipe cannot take.
    #[error("{step}: row {row}, column {name:?} is {value}, expected {expected}")]
    StepDomain {
        /// The step.
        step: &'static str,
        /// Row of the value.
        row: usize,
        /// Name of its column.
        name: String,
        /// The value, as the step received it.
        value: f64,
        /// What the step takes.
        expected: &'static str,
    },
    /// A column is not the one that a recipe was fitted to.
    #[error(
        "the recipe was fitted to {expected:?} in column {column}, found {found:?}: \
         select the columns in the order of the training matrix"
    )]
    RecipeColumn {
        /// The column.
        column: usize,
        /// Its name in the training matrix.
        expected: String,
        /// Its name here.
        found: String,
    },
    /// A step by groups of rows was not told the groups.
    #[error("{step} needs the group of every row: use the method that ends in _by_group")]
    GroupsNeeded {
        /// The step.
        step: &'static str,
    },
    /// A category or group that was not among the training rows.
    #[error("{what}, row {row}: {found:?} is not among the {n_known} of the training rows")]
    Unseen {
        /// What it is a category or group for.
        what: &'static str,
        /// The row.
        row: usize,
        /// The category or group.
        found: String,
        /// How many are known.
        n_known: usize,
    },
    /// The truncated SVD meets a value that was not measured, and was not told to fill it.
    #[error(
        "truncated SVD: row {row}, column {name:?} was not measured; \
         leave the row out, or choose the missing policy column_mean"
    )]
    SvdMissing {
        /// Row of the value.
        row: usize,
        /// Name of its column.
        name: String,
    },
    /// The singular value decomposition did not converge.
    #[error("truncated SVD: the decomposition of the training rows did not converge")]
    SvdDiverged,
    /// Something needs a feature that the crate was built without.
    #[error("{what} needs the feature `{feature}` of hairpin-targets")]
    NotBuilt {
        /// What was asked for.
        what: &'static str,
        /// The feature to switch on.
        feature: &'static str,
    },
    /// What was read is no fitted recipe or encoding.
    #[error("{what} that was read is broken: {problem}")]
    Broken {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Cross-fitting with a single fold, which leaves nothing to learn from.
    #[error(
        "cross-fitting: every row is held out by fold {fold}, so that no row is left to learn from; use 2 folds or more"
    )]
    OneFold {
        /// The fold.
        fold: usize,
    },
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
    /// A prediction is missing where the truth was measured.
    #[error("row {row}, column {name:?}: the truth was measured, but there is no prediction")]
    NotPredicted {
        /// Row of the entry.
        row: usize,
        /// Name of its column.
        name: String,
    },
    /// Two matrices that belong together name a column differently.
    #[error("column {column} is named {found:?} in the predictions and {expected:?} in the truth")]
    ColumnName {
        /// The column.
        column: usize,
        /// Its name in the truth.
        expected: String,
        /// Its name in the predictions.
        found: String,
    },
    /// The weight of a row is negative, NaN or infinite.
    #[error("row {row}: the weight is {value}, expected a finite number of 0 or more")]
    Weight {
        /// Row of the weight.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// A metric, or everything it was to be the mean of, has no value on these rows.
    #[error("{what} is undefined on these rows: is a column constant, or nothing measured?")]
    Undefined {
        /// Which metric.
        what: &'static str,
    },
    /// A column that a control is to learn has no measured value.
    #[error("column {name:?} has no measured value in the training rows: leave it out")]
    EmptyColumn {
        /// Name of the column.
        name: String,
    },
    /// A feature is NaN or infinite.
    #[error("row {row}, feature {feature}: the value is {value}, expected a finite number")]
    Feature {
        /// Row of the value.
        row: usize,
        /// Feature, that is column.
        feature: usize,
        /// The value.
        value: f32,
    },
    /// The strength of a penalty is negative, NaN or infinite, or there is none to choose from.
    #[error("the strength of the penalty is {value}: expected one finite number above 0 or more")]
    Strength {
        /// The strength given; NaN for an empty list.
        value: f64,
    },
    /// An impossible number of neighbours was asked for.
    #[error("{k} neighbours were asked for: expected 1 to {n_rows}, the training rows")]
    Neighbours {
        /// The number asked for.
        k: usize,
        /// Training rows there are.
        n_rows: usize,
    },
    /// A column in which there is nothing to predict.
    #[error(
        "column {name:?}: all measured values are equal, so there is nothing to predict; leave the column out"
    )]
    Constant {
        /// Name of the column.
        name: String,
    },
    /// A value that says yes or no is neither.
    #[error("row {row}, column {name:?}: the value is {value}, expected 0 or 1")]
    NotBinary {
        /// Row of the value.
        row: usize,
        /// Name of its column.
        name: String,
        /// The value.
        value: f32,
    },
    /// A loss that needs the standard error of every value was given targets without.
    #[error(
        "the targets have no standard errors: give them with TargetMatrix::with_standard_errors, or learn the variance"
    )]
    NoStandardErrors,
    /// A sequence encoder refused its settings.
    #[error(transparent)]
    Seq(#[from] SeqError),
}
