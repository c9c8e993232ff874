//! The number types that encoders write.

/// A number that a buffer of an encoding may hold.
pub(crate) trait Value: Copy + Send + Sync {
    const ZERO: Self;
    const ONE: Self;

    /// The probability `1 / n`; a type without fractions marks the channel with 1.
    fn share(n: usize) -> Self;
}

impl Value for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn share(n: usize) -> Self {
        1.0 / n as f32
    }
}

impl Value for u8 {
    const ZERO: Self = 0;
    const ONE: Self = 1;

    fn share(_n: usize) -> Self {
        1
    }
}

/// A number that a buffer of tokens may hold.
pub(crate) trait TokenValue: Copy + Send + Sync {
    /// The largest vocabulary whose tokens it can tell apart.
    const LARGEST_VOCABULARY: usize;

    /// A token below [`LARGEST_VOCABULARY`](Self::LARGEST_VOCABULARY), unchanged.
    fn from_token(token: u32) -> Self;
}

impl TokenValue for f32 {
    const LARGEST_VOCABULARY: usize = (1 << 24) + 1;

    fn from_token(token: u32) -> Self {
        token as f32
    }
}

impl TokenValue for u8 {
    const LARGEST_VOCABULARY: usize = 1 << 8;

    fn from_token(token: u32) -> Self {
        token as u8
    }
}

impl TokenValue for i64 {
    const LARGEST_VOCABULARY: usize = 1 << 32;

    fn from_token(token: u32) -> Self {
        i64::from(token)
    }
}

/// Panics unless every token of the vocabulary fits into the type of the buffer.
#[track_caller]
pub(crate) fn check_vocabulary<T: TokenValue>(encoder: &str, vocabulary: usize) {
    assert!(
        vocabulary <= T::LARGEST_VOCABULARY,
        "{encoder}: a vocabulary of {vocabulary} tokens does not fit into {}; encode into i64",
        std::any::type_name::<T>()
    );
}
