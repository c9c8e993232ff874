//! Every structure of a short molecule, made without a recursion over energies.

use hairpin_fold::Structure;

/// All structures of `seq` that the model knows, in no particular order.
pub(crate) fn of(seq: &[u8]) -> Vec<Structure> {
    let mut all = Vec::new();
    extend(seq, &mut Vec::new(), &mut vec![0; seq.len()], &mut all, 0);
    all
}

fn extend(
    seq: &[u8],
    open: &mut Vec<usize>,
    partners: &mut Vec<usize>,
    all: &mut Vec<Structure>,
    at: usize,
) {
    if at == seq.len() {
        if open.is_empty() {
            let pairs: Vec<(usize, usize)> = (partners.iter().enumerate())
                .filter(|(_, partner)| **partner > 0)
                .map(|(index, &partner)| (index + 1, partner))
                .collect();
            all.push(Structure::from_pairs(seq.len(), &pairs).unwrap());
        }
        return;
    }
    extend(seq, open, partners, all, at + 1);
    if open.len() < seq.len() - at {
        open.push(at);
        extend(seq, open, partners, all, at + 1);
        open.pop();
    }
    if let Some(first) = open.pop() {
        let pairs: [&[u8; 2]; 6] = [b"AU", b"UA", b"CG", b"GC", b"GU", b"UG"];
        if at - first > 3 && pairs.contains(&&[seq[first], seq[at]]) {
            partners[first] = at + 1;
            extend(seq, open, partners, all, at + 1);
            partners[first] = 0;
        }
        open.push(first);
    }
}
