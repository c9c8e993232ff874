//! From the numbers of a network back to a sequence.

use crate::{Alphabet, Layout, Seq};

/// The sequence whose symbol at each position is the channel with the largest value: of one-hot rows, probabilities or scores.
///
/// Where no channel is larger than all others (a tie, an all-zero row, a row with a NaN in it) the position is unknown; so decoding what
/// [`OneHot`](crate::OneHot) wrote gives the sequence back, padding as unknown positions behind it.
///
/// # Shapes
///
/// `values` is `[length, channels]` or `[channels, length]`, as `layout` says, with `channels = A::CHANNELS`.
///
/// ```
/// use hairpin_seq::{Dna, Layout, decode_argmax};
///
/// let probabilities = [0.1, 0.2, 0.6, 0.1, /* a tie */ 0.4, 0.1, 0.1, 0.4];
/// let seq = decode_argmax::<Dna>(&probabilities, Layout::LengthFirst);
/// assert_eq!(seq.to_string(), "GN");
/// ```
///
/// # Panics
///
/// When `values.len()` is not a multiple of the channels.
pub fn decode_argmax<A: Alphabet>(values: &[f32], layout: Layout) -> Seq<A> {
    let channels = A::CHANNELS;
    assert!(
        values.len().is_multiple_of(channels),
        "decode_argmax: {} values are no multiple of channels {channels}",
        values.len()
    );
    let length = values.len() / channels;
    let (step, stride) = match layout {
        Layout::LengthFirst => (channels, 1),
        Layout::ChannelsFirst => (1, length),
    };
    let code = |position: usize| {
        let row = values[position * step..]
            .iter()
            .step_by(stride)
            .take(channels);
        largest(row).unwrap_or(Seq::<A>::UNKNOWN_CODE)
    };
    Seq::from_checked((0..length).map(code).collect())
}

/// The place of the value that is larger than all others.
fn largest<'a>(row: impl Iterator<Item = &'a f32>) -> Option<u8> {
    let (mut best, mut place) = (f32::NEG_INFINITY, None);
    for (channel, &value) in row.enumerate() {
        if value.is_nan() {
            return None;
        }
        if value > best {
            (best, place) = (value, u8::try_from(channel).ok());
        } else if value == best {
            place = None;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dna;

    #[test]
    fn without_a_single_largest_value_it_is_unknown() {
        let decode = |row: [f32; 4]| decode_argmax::<Dna>(&row, Layout::LengthFirst).to_string();
        assert_eq!(decode([0.0; 4]), "N");
        assert_eq!(decode([f32::NEG_INFINITY; 4]), "N");
        assert_eq!(decode([1.0, f32::NAN, 0.0, 0.0]), "N");
        assert_eq!(decode([f32::NAN, 1.0, 0.0, 0.0]), "N");
        assert_eq!(decode([2.0, 2.0, 0.0, 3.0]), "T");
        assert_eq!(decode([-1.0, -2.0, -3.0, -4.0]), "A");
        assert_eq!(
            decode([
                f32::NEG_INFINITY,
                -2.0,
                f32::NEG_INFINITY,
                f32::NEG_INFINITY
            ]),
            "C"
        );
        assert_eq!(decode([0.0, 0.0, f32::INFINITY, 0.0]), "G");
        assert!(decode_argmax::<Dna>(&[], Layout::ChannelsFirst).is_empty());
    }

    #[test]
    #[should_panic(expected = "5 values are no multiple of channels 4")]
    fn half_a_row_panics() {
        let _ = decode_argmax::<Dna>(&[0.0; 5], Layout::LengthFirst);
    }
}
