//! What the network reads of a sequence: its letters, where in the string each stands, and of RNA how it folds.

use crate::settings::DataConfig;
use anyhow::Result;
use hairpin::fold::{Folder, LoopContext, Settings};
use hairpin::seq::{Alphabet, Channels, Encode, OneHot, RelativePosition, Rna, Seq, Stacked};
use std::collections::HashMap;
use std::sync::Arc;

/// One-hot letters | relative position | probabilities of the five loop contexts, the last two if wanted.
#[derive(Clone)]
pub(crate) struct Reading<A: Alphabet> {
    rows: Arc<Stacked<A>>,
    /// `[length, 5]` of every sequence, by its codes; none where nothing is folded.
    contexts: Option<Arc<HashMap<Vec<u8>, Vec<f32>>>>,
}

impl<A: Alphabet> Reading<A> {
    /// Folds all sequences that will be asked for, each once.
    pub(crate) fn new<'a>(
        settings: &DataConfig,
        sequences: impl IntoIterator<Item = &'a Seq<A>>,
    ) -> Result<Self> {
        let mut rows = Stacked::new(OneHot::default());
        if settings.position {
            rows = rows.with(RelativePosition::default());
        }
        let contexts = match settings.structure && A::NAME == Rna::NAME {
            true => Some(Arc::new(folded(sequences)?)),
            false => None,
        };
        Ok(Self {
            rows: Arc::new(rows),
            contexts,
        })
    }
}

fn folded<'a, A: Alphabet>(
    sequences: impl IntoIterator<Item = &'a Seq<A>>,
) -> Result<HashMap<Vec<u8>, Vec<f32>>> {
    let folder = Folder::turner_2004(Settings::default())?;
    let mut texts: Vec<(Vec<u8>, String)> = sequences
        .into_iter()
        .map(|seq| (seq.codes().to_vec(), seq.to_string()))
        .collect();
    // Batches of one length, so that no room is taken by what is not there.
    texts.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
    texts.dedup();
    let mut contexts = HashMap::with_capacity(texts.len());
    for alike in texts.chunk_by(|a, b| a.0.len() == b.0.len()) {
        let length = alike[0].0.len();
        for part in alike.chunks(256) {
            let strings: Vec<&str> = part.iter().map(|(_, text)| text.as_str()).collect();
            let mut out = vec![0.0; part.len() * length * LoopContext::COUNT];
            folder.contexts_batch(&strings, length, &mut out)?;
            let rows = out.chunks_exact(length * LoopContext::COUNT);
            contexts.extend(
                part.iter()
                    .zip(rows)
                    .map(|((codes, _), row)| (codes.clone(), row.to_vec())),
            );
        }
    }
    Ok(contexts)
}

impl<A: Alphabet> Encode<A> for Reading<A> {
    fn channels(&self) -> usize {
        let contexts = self.contexts.as_ref().map_or(0, |_| LoopContext::COUNT);
        self.rows.channels() + contexts
    }

    fn positions(&self, len: usize) -> usize {
        len
    }

    fn encode_into(&self, seq: &Seq<A>, out: &mut [f32]) {
        match &self.contexts {
            None => self.rows.encode_into(seq, out),
            Some(contexts) => {
                let values = contexts
                    .get(seq.codes())
                    .expect("every sequence was folded before");
                let channels = LoopContext::COUNT;
                self.rows
                    .encode_with_into(seq, &[Channels { values, channels }], out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use hairpin::seq::Dna;

    #[test]
    fn letters_positions_and_loops_stand_side_by_side() {
        let data = Settings::default().data;
        let seq: Seq<Rna> = "GGGGAAAACCCC".parse().unwrap();
        let reading = Reading::new(&data, [&seq]).unwrap();
        assert_eq!(reading.channels(), 10);
        let rows = reading.encode(&seq);
        assert_eq!(rows.len(), 120);
        // The first base is G, stands at the beginning and is paired; the sixth is A in a hairpin.
        assert_eq!(rows[..5], [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(rows[5] > 0.9, "{:?}", &rows[..10]);
        assert_eq!(rows[50..54], [1.0, 0.0, 0.0, 0.0]);
        assert!(rows[56] > 0.9, "{:?}", &rows[50..60]);

        let seq: Seq<Dna> = "GGGGAAAACCCC".parse().unwrap();
        assert_eq!(Reading::new(&data, [&seq]).unwrap().channels(), 5);
        let mut plain = data.clone();
        (plain.position, plain.structure) = (false, false);
        assert_eq!(Reading::new(&plain, [&seq]).unwrap().channels(), 4);
    }
}
