//! The number types that encoders write.

/// The rows of the codes of four symbols and of unknown; eight, so that the compiler sees that three bits of a code stay inside.
pub(crate) type RowsOfFour<T> = [[T; 4]; 8];

const fn rows_of_four<T: Copy>(o: T, i: T, quarter: T) -> [RowsOfFour<T>; 2] {
    let (a, c, g, t) = ([i, o, o, o], [o, i, o, o], [o, o, i, o], [o, o, o, i]);
    let (zeros, uniform) = ([o; 4], [quarter; 4]);
    [
        [a, c, g, t, zeros, zeros, zeros, zeros],
        [a, c, g, t, uniform, uniform, uniform, uniform],
    ]
}

/// A number that a buffer of an encoding may hold.
pub(crate) trait Value: Copy + Send + Sync + 'static {
    const ZERO: Self;
    const ONE: Self;
    /// One-hot rows of four channels by code: where the row of an unknown position is zeros, then where it is uniform. Made once:
    /// making them takes as long as encoding a short sequence.
    const ROWS_OF_FOUR: &'static [RowsOfFour<Self>; 2];

    /// The probability `1 / n`; a type without fractions marks the channel with 1.
    fn share(n: usize) -> Self;
}

impl Value for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const ROWS_OF_FOUR: &'static [RowsOfFour<Self>; 2] = &rows_of_four(0.0, 1.0, 0.25);

    fn share(n: usize) -> Self {
        1.0 / n as f32
    }
}

impl Value for u8 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
    const ROWS_OF_FOUR: &'static [RowsOfFour<Self>; 2] = &rows_of_four(0, 1, 1);

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
