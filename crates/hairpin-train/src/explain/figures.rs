//! Explanations as figures of a report.

use super::{
    AttributionLogo, Baseline, FilterMotif, IntegratedGradients, as_function, of_example, refused,
};
use crate::report::{Figure, Svg};
use crate::{Dataset, SequenceDataset, TrainError};
use burn::tensor::Device;
use hairpin_models::{Model, SequenceInput};
use hairpin_seq::motif::{Background, Logo};
use hairpin_seq::{Alphabet, Encode, Seq};
use ndarray::{Array2, ArrayView1, Axis, s};

/// What one logo of [`attribution_figures`] is about.
#[derive(Debug, Clone)]
pub struct Explained<'a, A: Alphabet> {
    /// Name of the row, and what its output stands for: the start of the caption.
    pub name: String,
    /// The sequence.
    pub sequence: &'a Seq<A>,
    /// Which output of the model.
    pub output: usize,
}

/// Integrated gradients of single sequences as logos. Of one longer than `most_positions`, the window whose attributions are largest in
/// sum, by absolute value, is drawn.
///
/// What is attributed to the channels of a position is added up and drawn as the symbol that is there, so that the letters of a whole sequence
/// add up to `f(x) - f(x')`; the caption says how much of it the window holds, and what the finite number of steps left over.
///
/// # Errors
///
/// [`TrainError::Explanation`] when `most_positions` is 0, the encoder does not give one position per symbol or a setting is out of range,
/// and [`TrainError::TooShort`].
///
/// ```
/// use hairpin_models::SequenceLstmConfig;
/// use hairpin_seq::{Dna, OneHot, Seq};
/// use hairpin_train::Device;
/// use hairpin_train::explain::{Baseline, Explained, IntegratedGradients, attribution_figures};
///
/// let device = Device::flex();
/// let model = SequenceLstmConfig::new(4, 2).with_d_hidden(4).init(&device)?; // trained, in real life
/// let sequence: Seq<Dna> = "GATTACAGATTACA".parse()?;
/// let row = Explained { name: "row 0, class 1".into(), sequence: &sequence, output: 1 };
/// let settings = IntegratedGradients::default();
/// let figures =
///     attribution_figures(&model, &[row], &OneHot::default(), Baseline::MeanComposition, &settings, 10, &device)?;
/// assert!(figures[0].caption.starts_with("row 0, class 1: integrated gradients, positions "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn attribution_figures<M, A, E>(
    model: &M,
    rows: &[Explained<'_, A>],
    encoder: &E,
    baseline: Baseline,
    settings: &IntegratedGradients,
    most_positions: usize,
    device: &Device,
) -> Result<Vec<Figure>, TrainError>
where
    M: Model<Input = SequenceInput>,
    A: Alphabet,
    E: Encode<A> + Clone,
{
    if most_positions == 0 {
        return Err(refused("most_positions", 0, "at least 1"));
    }
    let device = device.clone().without_autodiff();
    let mut figures = Vec::with_capacity(rows.len());
    for row in rows {
        let length = row.sequence.len();
        let positions = encoder.positions(length);
        if positions != length {
            let expected = format!("{length}, one per symbol");
            return Err(refused("positions", positions, expected));
        }
        // One at a time: each has its own output, and a batch would make all as long as the longest.
        let sequence = std::slice::from_ref(row.sequence);
        let batch = SequenceDataset::new(sequence, encoder.clone()).batch(&[0], None, &device);
        let function = as_function(model, &batch.lengths)?;
        let baselines = baseline.of_sequences(sequence, encoder, &device)?;
        let found = settings.attribute(function, [batch.x], &baselines, row.output)?;
        let values = of_example(&found.attributions[0], 0, length)?.sum_axis(Axis(1));
        let start = largest_window(values.view(), most_positions);
        let end = (start + most_positions).min(length);

        let mut letters = Array2::zeros((end - start, A::SYMBOLS.len()));
        for (place, position) in (start..end).enumerate() {
            // An unknown symbol has no letter.
            let code = usize::from(row.sequence.codes()[position]);
            if let Some(letter) = letters.get_mut((place, code)) {
                *letter = values[position];
            }
        }
        let logo = AttributionLogo {
            position_width: 12.0,
            first_position: start + 1,
            ..AttributionLogo::default()
        };
        let change = found.outputs[0] - found.baseline_outputs[0];
        let inside: f32 = values.slice(s![start..end]).sum();
        figures.push(Figure {
            caption: format!(
                "{}: integrated gradients, positions {} to {end} of {length}; f(x) - f(x') = {change:.3}, of it {inside:.3} here; residual \
                 {:.1e}",
                row.name,
                start + 1,
                found.residual[0]
            ),
            svg: drawing(&logo.svg::<A>(letters.view())?)?,
        });
    }
    Ok(figures)
}

/// Where the window of the largest sum of absolute values starts; of equal ones the first.
fn largest_window(values: ArrayView1<'_, f32>, most: usize) -> usize {
    let size = |value: &f32| f64::from(value.abs());
    let mut sum: f64 = values.iter().take(most).map(size).sum();
    let (mut best, mut start) = (sum, 0);
    for end in most..values.len() {
        sum += size(&values[end]) - size(&values[end - most]);
        // Rounding along the way must not move the window.
        if sum > best * (1.0 + 1e-9) {
            (best, start) = (sum, end + 1 - most);
        }
    }
    start
}

/// Filters as logos, those of the most information first, at most so many; a filter without a site is left out.
///
/// One site of background is added to each motif, so that a filter of few sites does not look certain.
///
/// # Errors
///
/// [`TrainError::Sequence`] for counts that are no motif.
pub fn filter_figures<A: Alphabet>(
    motifs: &[FilterMotif<A>],
    most: usize,
) -> Result<Vec<Figure>, TrainError> {
    let background = Background::uniform();
    let mut drawn = Vec::new();
    for motif in motifs {
        if let Some(counts) = &motif.counts {
            let matrix = counts.to_frequencies(1.0, &background)?;
            drawn.push((matrix.total_information(&background), motif, matrix));
        }
    }
    drawn.sort_by(|a, b| b.0.total_cmp(&a.0));
    let logo = Logo {
        height: 60.0,
        position_width: 24.0,
        ..Logo::default()
    };
    drawn
        .into_iter()
        .take(most)
        .map(|(bits, motif, matrix)| {
            Ok(Figure {
                caption: format!(
                    "filter {}: {bits:.1} bits over {} sites, greatest answer {:.3}",
                    motif.filter, motif.sites, motif.maximum
                ),
                svg: drawing(&logo.svg(&matrix))?,
            })
        })
        .collect()
}

fn drawing(svg: &str) -> Result<Svg, TrainError> {
    Svg::parse(svg).map_err(|error| refused("drawing", error, "shapes and text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin_seq::motif::CountMatrix;
    use hairpin_seq::{Dna, OneHot};
    use ndarray::array;

    #[test]
    fn the_window_is_where_the_values_are() {
        let values = array![0.0f32, -3.0, 1.0, 2.0, 0.5, 3.0];
        for (most, start) in [(1, 1), (2, 1), (3, 1), (4, 1), (6, 0), (9, 0)] {
            assert_eq!(largest_window(values.view(), most), start, "{most}");
        }
        assert_eq!(largest_window(array![1.0f32, 1.0, 1.0].view(), 2), 0);
        assert_eq!(largest_window(array![].view(), 2), 0);
    }

    #[test]
    fn filters_are_ordered_by_information_and_silent_ones_left_out() {
        let motif = |filter, counts: Option<Vec<f64>>| FilterMotif::<Dna> {
            filter,
            maximum: 1.0,
            sites: 100,
            counts: counts.map(|counts| CountMatrix::new(counts).unwrap()),
        };
        let motifs = [
            motif(0, Some(vec![25.0; 4])),
            motif(1, None),
            motif(2, Some(vec![100.0, 0.0, 0.0, 0.0])),
            motif(3, Some(vec![50.0, 50.0, 0.0, 0.0])),
        ];
        let names = |most| -> Vec<String> {
            let figures = filter_figures(&motifs, most).unwrap();
            let name = |figure: Figure| figure.caption.split(':').next().unwrap().to_owned();
            figures.into_iter().map(name).collect()
        };
        assert_eq!(names(9), ["filter 2", "filter 3", "filter 0"]);
        assert_eq!(names(1), ["filter 2"]);
    }

    #[test]
    fn what_has_no_letters_is_refused_or_left_blank() {
        let device = Device::flex();
        let model = hairpin_models::SequenceLstmConfig::new(4, 2)
            .with_d_hidden(2)
            .init(&device)
            .unwrap();
        let policy = hairpin_seq::Policy {
            ambiguous: hairpin_seq::Ambiguous::Unknown,
            ..Default::default()
        };
        let sequence = Seq::<Dna>::parse("ACNNNNNNGT", policy).unwrap();
        let draw = |most| {
            let row = Explained {
                name: "row".into(),
                sequence: &sequence,
                output: 0,
            };
            let settings = IntegratedGradients::default();
            let encoder = OneHot::default();
            attribution_figures(
                &model,
                &[row],
                &encoder,
                Baseline::Zeros,
                &settings,
                most,
                &device,
            )
        };
        assert!(matches!(
            draw(0),
            Err(TrainError::Explanation {
                name: "most_positions",
                ..
            })
        ));
        let figures = draw(100).unwrap();
        assert!(figures[0].caption.contains("positions 1 to 10 of 10"));
        assert!(figures[0].caption.contains("residual"));
        // The axis has the sequence's own positions.
        let part = format!("{:?}", draw(3).unwrap()[0].svg);
        let whole = format!("{:?}", figures[0].svg);
        let ten = |svg: &str| svg.contains(">10</text>");
        assert!(ten(&whole));
        let caption = &draw(3).unwrap()[0].caption;
        assert_eq!(ten(&part), caption.contains("to 10 of 10"), "{caption}");
    }
}
