//! What can be wrong with a model's configuration.

/// A configuration that no network can be built from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A hyper-parameter outside its range.
    #[error("model.{name} is {found}, expected {expected}")]
    OutOfRange {
        /// The hyper-parameter's name.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values it may take.
        expected: &'static str,
    },
}
