//! Where in a structure a base lies.

/// The loop that a base lies in, in the order of the PHIME channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoopContext {
    /// In a pair.
    Paired,
    /// Unpaired in a hairpin.
    Hairpin,
    /// Unpaired in an internal loop or a bulge.
    Internal,
    /// Unpaired in a multiloop.
    Multiloop,
    /// Outside of all pairs.
    Exterior,
}

impl LoopContext {
    /// Number of contexts.
    pub const COUNT: usize = 5;
    /// All of them, in the order of the channels.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Paired,
        Self::Hairpin,
        Self::Internal,
        Self::Multiloop,
        Self::Exterior,
    ];

    /// Its letter: `P`, `H`, `I`, `M`, `E`.
    pub fn letter(self) -> char {
        ['P', 'H', 'I', 'M', 'E'][self as usize]
    }
}

/// [`LoopContext`] with bulges apart from internal loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FineContext {
    /// In a pair.
    Stem,
    /// Unpaired in a hairpin.
    Hairpin,
    /// Unpaired between two pairs, on the one side that is not stacked.
    Bulge,
    /// Unpaired between two pairs, with unpaired bases on both sides.
    Internal,
    /// Unpaired in a multiloop.
    Multiloop,
    /// Outside of all pairs.
    Exterior,
}

impl FineContext {
    /// Number of contexts.
    pub const COUNT: usize = 6;
    /// All of them, in the order of the channels.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Stem,
        Self::Hairpin,
        Self::Bulge,
        Self::Internal,
        Self::Multiloop,
        Self::Exterior,
    ];

    /// The context without the distinction.
    pub fn coarse(self) -> LoopContext {
        match self {
            Self::Stem => LoopContext::Paired,
            Self::Hairpin => LoopContext::Hairpin,
            Self::Bulge | Self::Internal => LoopContext::Internal,
            Self::Multiloop => LoopContext::Multiloop,
            Self::Exterior => LoopContext::Exterior,
        }
    }
}

/// With bulges in internal loops.
pub(crate) fn coarse(fine: [f64; FineContext::COUNT]) -> [f64; LoopContext::COUNT] {
    let [stem, hairpin, bulge, internal, multi, exterior] = fine;
    [stem, hairpin, bulge + internal, multi, exterior]
}

/// Writes the probabilities of all bases `1..=length` into `[length, 5]`.
pub(crate) fn write(
    length: usize,
    out: &mut [f32],
    context: impl Fn(usize) -> [f64; LoopContext::COUNT],
) {
    let (rows, rest) = out.as_chunks_mut::<{ LoopContext::COUNT }>();
    assert!(
        rows.len() == length && rest.is_empty(),
        "out holds {} numbers, expected length x 5 = {length} x 5",
        rows.len() * LoopContext::COUNT + rest.len(),
    );
    for (index, row) in rows.iter_mut().enumerate() {
        *row = context(index + 1).map(|p| p as f32);
    }
}

/// Refuses a position that is not one.
pub(crate) fn check(position: usize, length: usize) {
    assert!(
        (1..=length).contains(&position),
        "position {position} of {length} bases"
    );
}
