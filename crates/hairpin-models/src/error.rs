//! What can be wrong with a model's configuration, its published weights, or what it is given to read.

/// A configuration that no network can be built from, weights that are not its, or an input that it cannot read.
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
    /// A published configuration that cannot be read.
    #[error("config.json, line {line}, column {column}: {reason}")]
    Json {
        /// Line, from 1; 0 when it is about the whole.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Published weights lack a tensor.
    #[error("the weights have no tensor `{name}`, expected with the shape {expected:?}")]
    MissingTensor {
        /// The name looked for, as the file's other names are written.
        name: String,
        /// The shape it should have; empty if any.
        expected: Vec<usize>,
    },
    /// Published weights have tensors that the model has no place for.
    #[error(
        "the weights have {count} tensors that the model has no place for, the first is `{name}` with the shape {found:?}; is it another model, or a config.json with too few layers?"
    )]
    ExtraTensor {
        /// The first of them, by name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// How many there are.
        count: usize,
    },
    /// A tensor of published weights has another shape than the configuration asks for.
    #[error("tensor `{name}` has the shape {found:?}, expected {expected:?}")]
    TensorShape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A tensor of published weights holds something that it must not.
    #[error("tensor `{name}` {found}, expected {expected}")]
    TensorContent {
        /// The tensor.
        name: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// Tokens that the model cannot read.
    #[error("sequence {sequence}, token {position}: {found}, expected {expected}")]
    Tokens {
        /// Which sequence, from 0.
        sequence: usize,
        /// Which of its tokens, from 0.
        position: usize,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
}
