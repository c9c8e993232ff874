//! What every motif reader must give: matrices of finite numbers, which are written as MEME text and read again as they were.
#![allow(dead_code, reason = "each target reads counts or frequencies")]

use hairpin_seq::motif::{
    Background, CountMatrix, FrequencyMatrix, Meme, Motif, read_meme, write_meme,
};
use hairpin_seq::{Alphabet, SeqError};

pub fn frequencies<A: Alphabet>(
    background: Background<A>,
    motifs: Result<Vec<Motif<FrequencyMatrix<A>>>, SeqError>,
) {
    let motifs = match motifs {
        Ok(motifs) => motifs,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!motifs.is_empty());
    for motif in &motifs {
        assert!(motif.matrix.width() > 0);
        assert!(
            motif
                .matrix
                .values()
                .iter()
                .all(|f| (0.0..=1.01).contains(f))
        );
        let scores = motif.matrix.to_scoring(&background);
        assert!(scores.values().iter().all(|score| !score.is_nan()));
    }
    let meme = Meme { background, motifs };
    // Other formats have names that MEME's cannot hold.
    if let Ok(text) = write_meme(&meme) {
        assert_eq!(read_meme::<A>(&text), Ok(meme));
    }
}

pub fn counts<A: Alphabet>(motifs: Result<Vec<Motif<CountMatrix<A>>>, SeqError>) {
    let motifs = match motifs {
        Ok(motifs) => motifs,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!motifs.is_empty());
    let background = Background::uniform();
    let smooth = motifs.into_iter().map(|motif| {
        assert!(motif.matrix.width() > 0);
        assert!(
            motif
                .matrix
                .values()
                .iter()
                .all(|&count| count >= 0.0 && count.is_finite())
        );
        Ok(Motif {
            id: motif.id,
            name: motif.name,
            matrix: motif.matrix.to_frequencies(1.0, &background)?,
        })
    });
    let smooth: Result<Vec<_>, SeqError> = smooth.collect();
    assert!(smooth.is_ok(), "counts with a pseudocount are frequencies");
    frequencies(background.clone(), smooth);
}
