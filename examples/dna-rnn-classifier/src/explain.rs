//! What the network looks at: logos for the report.

use crate::settings::Settings;
use anyhow::Result;
use hairpin::models::SequenceLstm;
use hairpin::seq::OneHot;
use hairpin::tasks::rnn_dna::Train;
use hairpin::train::Device;
use hairpin::train::explain::{
    Baseline, Explained, FilterSettings, IntegratedGradients, attribution_figures, filter_figures,
    filter_motifs,
};
use hairpin::train::report::Figure;
use ndarray::Array2;

/// Positions of a logo: as many as a page is wide.
const POSITIONS: usize = 75;
/// Filters that are shown.
const FILTERS: usize = 6;

/// Of each class the validation string that the model is surest of, by integrated gradients, and what the filters of the convolution find in the
/// training strings.
pub(crate) fn figures(
    model: &SequenceLstm,
    settings: &Settings,
    data: &Train,
    on_valid: &Array2<f32>,
    device: &Device,
) -> Result<Vec<Figure>> {
    let valid = &data.valid;
    let classes = 0..settings.model.n_outputs;
    let rows: Vec<Explained<'_, _>> = classes
        .filter_map(|class| {
            let own = (0..valid.labels.len()).filter(|&row| valid.labels.labels()[row] == class);
            let surest = own.max_by(|&a, &b| on_valid[[a, class]].total_cmp(&on_valid[[b, class]]));
            surest.map(|row| Explained {
                name: format!("validation string {row}, logit of its class {class}"),
                sequence: &valid.sequences[row],
                output: class,
            })
        })
        .collect();
    let mut figures = attribution_figures(
        model,
        &rows,
        &OneHot::default(),
        // The classes differ in the order of bases: the same bases in no order are what to compare with.
        Baseline::MeanComposition,
        &IntegratedGradients::default(),
        POSITIONS,
        device,
    )?;
    if let Some(front) = &model.front {
        let motifs = filter_motifs(
            &front.conv,
            &data.train.sequences,
            &OneHot::default(),
            FilterSettings {
                batch_size: settings.fit.batch_size.min(256),
                ..FilterSettings::default()
            },
            device,
        )?;
        figures.extend(filter_figures(&motifs, FILTERS)?);
    }
    Ok(figures)
}
