//! What published weights call their tensors.

use burn::tensor::TensorData;
use std::collections::BTreeMap;

/// The way a file's names are written.
#[derive(Debug, Clone)]
pub(super) struct Names {
    style: Style,
    /// Before every name of the encoder.
    encoder: String,
    /// Before every name of the language model's head.
    head: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    HuggingFace,
    FairEsm,
}

/// Prefixes under which encoder and head are found, the likeliest first. Hugging Face's `EsmModel` alone has no `esm.`; a fair-esm
/// checkpoint nests its weights under `model`, and the file of a module has none of its prefixes.
const HUGGING_FACE: [[&str; 2]; 2] = [["esm.", ""], ["", ""]];
const FAIR_ESM: [[&str; 2]; 4] = [
    ["model.encoder.sentence_encoder.", "model.encoder."],
    ["encoder.sentence_encoder.", "encoder."],
    ["model.", "model."],
    ["", ""],
];

impl Names {
    /// The style of a file's names; Hugging Face's where there is nothing to tell by.
    pub(super) fn of(has: impl Fn(&str) -> bool) -> Self {
        let hugging_face = HUGGING_FACE.map(|prefixes| (Style::HuggingFace, prefixes));
        let fair_esm = FAIR_ESM.map(|prefixes| (Style::FairEsm, prefixes));
        let all = hugging_face.into_iter().chain(fair_esm);
        let mut all = all.map(|(style, [encoder, head])| Self {
            style,
            encoder: encoder.to_owned(),
            head: head.to_owned(),
        });
        let found = all.find(|names| has(&names.embedding()));
        found.unwrap_or_else(|| Self {
            style: Style::HuggingFace,
            encoder: "esm.".to_owned(),
            head: String::new(),
        })
    }

    fn encoder(&self, hugging_face: &str, fair_esm: &str) -> String {
        let own = match self.style {
            Style::HuggingFace => hugging_face,
            Style::FairEsm => fair_esm,
        };
        format!("{}{own}", self.encoder)
    }

    pub(super) fn embedding(&self) -> String {
        self.encoder("embeddings.word_embeddings.weight", "embed_tokens.weight")
    }

    pub(super) fn norm(&self, part: &str) -> String {
        self.encoder(
            &format!("encoder.emb_layer_norm_after.{part}"),
            &format!("emb_layer_norm_after.{part}"),
        )
    }

    pub(super) fn head(&self, part: &str) -> String {
        format!("{}lm_head.{part}", self.head)
    }

    /// The decoder's own copy of the embedding, where the file has one.
    pub(super) fn tied(&self) -> [String; 2] {
        [self.head("decoder.weight"), self.head("weight")]
    }

    /// Before the names of one layer.
    pub(super) fn layer_prefix(&self, index: usize) -> String {
        self.encoder(
            &format!("encoder.layer.{index}."),
            &format!("layers.{index}."),
        )
    }

    pub(super) fn layer(&self, index: usize) -> Layer<'_> {
        Layer { names: self, index }
    }

    /// Every buffer of rotary frequencies, by name.
    pub(super) fn rotary<'a>(
        &self,
        tensors: &'a BTreeMap<String, TensorData>,
    ) -> Vec<(&'a String, &'a TensorData)> {
        let own = |name: &String| name.starts_with(&self.encoder) && name.ends_with(".inv_freq");
        tensors.iter().filter(|(name, _)| own(name)).collect()
    }

    /// Whether a tensor is none of the language model's: what is published beside it and has no part in its states and logits.
    pub(super) fn ignored(&self, name: &str) -> bool {
        let own = name.strip_prefix(self.encoder.as_str()).unwrap_or(name);
        let head = name.strip_prefix(self.head.as_str()).unwrap_or(name);
        let parts = [
            "embeddings.position_ids",
            "embeddings.position_embeddings.",
            "pooler.",
            "contact_head.",
        ];
        parts
            .iter()
            .any(|part| own.starts_with(part) || head.starts_with(part))
    }
}

/// The names of one layer.
pub(super) struct Layer<'a> {
    names: &'a Names,
    index: usize,
}

impl Layer<'_> {
    fn of(&self, hugging_face: &str, fair_esm: &str, part: &str) -> String {
        let index = self.index;
        self.names.encoder(
            &format!("encoder.layer.{index}.{hugging_face}.{part}"),
            &format!("layers.{index}.{fair_esm}.{part}"),
        )
    }

    pub(super) fn norm_attention(&self, part: &str) -> String {
        self.of("attention.LayerNorm", "self_attn_layer_norm", part)
    }

    /// Of the projections to queries, keys and values.
    pub(super) fn projections(&self, part: &str) -> [String; 3] {
        [
            self.of("attention.self.query", "self_attn.q_proj", part),
            self.of("attention.self.key", "self_attn.k_proj", part),
            self.of("attention.self.value", "self_attn.v_proj", part),
        ]
    }

    pub(super) fn attention_output(&self, part: &str) -> String {
        self.of("attention.output.dense", "self_attn.out_proj", part)
    }

    pub(super) fn norm_feed_forward(&self, part: &str) -> String {
        self.of("LayerNorm", "final_layer_norm", part)
    }

    pub(super) fn inner(&self, part: &str) -> String {
        self.of("intermediate.dense", "fc1", part)
    }

    pub(super) fn outer(&self, part: &str) -> String {
        self.of("output.dense", "fc2", part)
    }

    pub(super) fn rotary(&self) -> String {
        self.of(
            "attention.self.rotary_embeddings",
            "self_attn.rot_emb",
            "inv_freq",
        )
    }
}
