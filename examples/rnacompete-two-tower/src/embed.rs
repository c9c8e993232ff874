//! Vectors of proteins, or of their residues, from the published weights of an ESM-2 model.

use crate::cli::EmbedArgs;
use anyhow::{Context, Result, bail, ensure};
use hairpin::models::esm2::{EmbedConfig, Esm2, Esm2Config, Esm2OnDisk};
use hairpin::nn::products_in;
use hairpin::nn::weights::{self, WeightFiles};
use hairpin::seq::{Ambiguous, Encode, EncodeAs, Esm2Tokens, Policy, Protein, Seq};
use hairpin::tasks::embeddings::{Embeddings, ResidueEmbeddings, sequence_id};
use hairpin::tasks::rnacompete::{Reading, read_proteins};
use hairpin::train::manifest::DataFile;
use hairpin::train::{Device, FloatDType, RunDir};
use ndarray::{Array2, ArrayView1, Axis, concatenate};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Proteins between two times that all so far is written: what a kill costs at most.
const PIECE: usize = 16;

/// Values of the states of proteins that are read together where the layers are read from disk: 1 GiB.
const STATES: usize = 1 << 28;

/// What is said where there are no weights.
const HOW_TO_GET_WEIGHTS: &str = "\
give the folder of an ESM-2 model with --weights. Of the models on https://huggingface.co/facebook download into one folder
  config.json and model.safetensors    of esm2_t6_8M_UR50D (30 MB), esm2_t12_35M_UR50D (0.13 GB), esm2_t30_150M_UR50D (0.6 GB),
                                       esm2_t33_650M_UR50D (2.6 GB); the shards of esm2_t36_3B_UR50D (11 GB) or
                                       esm2_t48_15B_UR50D (60 GB), which the published pipeline used
for example
  weights/esm2_t33_650M_UR50D/config.json
  weights/esm2_t33_650M_UR50D/model.safetensors
and call `embed RBP_FILE FILE.npy --weights weights/esm2_t33_650M_UR50D`. Without weights `train` uses features that need none.";

pub(crate) fn embed(args: &EmbedArgs) -> Result<()> {
    let began = Instant::now();
    let Some(folder) = &args.weights else {
        bail!("no weights: {HOW_TO_GET_WEIGHTS}");
    };
    ensure!(args.tokens > 0, "--tokens is 0, expected at least 1");
    // An unknown residue is a letter of the language model.
    let strict = Reading::default();
    let reading = Reading {
        proteins: Policy {
            ambiguous: Ambiguous::Unknown,
            ..strict.proteins
        },
        ..strict
    };
    let proteins = read_proteins(&args.proteins, reading)?;
    // Made if missing, and tried, before anything is calculated.
    RunDir::of_file(&args.out)?;
    let files = weight_files(folder)?;
    let mut weights = hash(&files)?;
    if args.bf16 {
        weights.push_str(" in bf16");
    }
    let device = args.device.device()?;
    let mut kept = match args.out.exists() {
        false => Vectors::new(args.per_residue),
        true => Vectors::read(&args.out, &weights, args.per_residue)?,
    };
    let before = kept.by_id.len();
    let ids: Vec<String> = proteins.iter().map(sequence_id).collect();
    let mut missing: Vec<(&String, &Seq<Protein>)> = ids.iter().zip(&proteins).collect();
    missing.retain(|(id, _)| !kept.by_id.contains_key(*id));
    // The longest first: if memory does not suffice, that shows at once.
    missing.sort_by_key(|(id, protein)| (std::cmp::Reverse(protein.len()), *id));
    missing.dedup_by_key(|(id, _)| *id);
    eprintln!(
        "{} proteins, {} of them to be embedded ({before} vectors in {})",
        proteins.len(),
        missing.len(),
        args.out.display()
    );
    let model_name = name(folder);
    if !missing.is_empty() {
        let model = match args.layer_by_layer {
            true => Model::on_disk(folder, &files)?,
            false => Model::Whole(Box::new(load(folder, &files, &device)?)),
        };
        let mut done = 0;
        for piece in missing.chunks(model.piece(&missing)) {
            let sequences: Vec<&Seq<Protein>> = piece.iter().map(|(_, own)| *own).collect();
            let read = || match args.per_residue {
                true => model.read_residues(&sequences, args.tokens),
                false => model.read(&sequences, args.tokens, &device),
            };
            let vectors = match args.bf16 {
                true => products_in(FloatDType::BF16, read)?,
                false => read()?,
            };
            for ((id, _), vector) in piece.iter().zip(vectors) {
                kept.add((*id).clone(), vector);
            }
            done += piece.len();
            kept.write(&args.out, &model_name, &weights)?;
            eprintln!(
                "{done} of {} proteins, {:.0} s",
                missing.len(),
                began.elapsed().as_secs_f64()
            );
        }
    }
    let width = kept.width();
    if args.json {
        let found = serde_json::json!({
            "proteins": proteins.len(),
            "embedded": missing.len(),
            "width": width,
            "weights": weights,
            "file": args.out,
            "seconds": began.elapsed().as_secs_f64(),
        });
        println!("{found}");
    } else {
        let (n, file) = (proteins.len(), args.out.display());
        match args.per_residue {
            true => println!("{n} proteins, each residue x {width} values in {file}"),
            false => println!("{n} proteins x {width} values in {file}"),
        }
    }
    Ok(())
}

/// Vectors by the ids of their proteins.
struct Vectors {
    per_residue: bool,
    order: Vec<String>,
    /// `[1, width]` or `[residues, width]` each.
    by_id: HashMap<String, Array2<f32>>,
}

impl Vectors {
    fn new(per_residue: bool) -> Self {
        Self {
            per_residue,
            order: Vec::new(),
            by_id: HashMap::new(),
        }
    }

    /// What an earlier call has written, made with the same weights.
    fn read(path: &Path, weights: &str, per_residue: bool) -> Result<Self> {
        let mut kept = Self::new(per_residue);
        let found = match per_residue {
            true => {
                let found = ResidueEmbeddings::read(path)?;
                for (id, vectors) in found.iter() {
                    kept.add(id.to_owned(), vectors.to_owned());
                }
                found.weights().to_owned()
            }
            false => {
                let found = Embeddings::read(path)?;
                for (id, vector) in found.ids().iter().zip(found.vectors().rows()) {
                    kept.add(id.clone(), vector.insert_axis(Axis(0)).to_owned());
                }
                found.weights().to_owned()
            }
        };
        ensure!(
            found == weights,
            "{}: holds vectors made with other weights; give another name or remove it",
            path.display()
        );
        Ok(kept)
    }

    fn add(&mut self, id: String, vectors: Array2<f32>) {
        if self.by_id.insert(id.clone(), vectors).is_none() {
            self.order.push(id);
        }
    }

    fn width(&self) -> usize {
        self.by_id.values().next().map_or(0, Array2::ncols)
    }

    fn write(&self, path: &Path, model: &str, weights: &str) -> Result<()> {
        let all: Vec<_> = self.order.iter().map(|id| self.by_id[id].view()).collect();
        let values = concatenate(Axis(0), &all)?;
        let ids = self.order.clone();
        match self.per_residue {
            true => {
                let residues = all.iter().map(|own| own.nrows()).collect();
                ResidueEmbeddings::new(ids, residues, values, model, weights)?.write(path)?;
            }
            false => Embeddings::new(ids, values, model, weights)?.write(path)?,
        }
        Ok(())
    }
}

/// The model's name: that of its folder.
fn name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Where the weights are.
enum Model {
    /// In memory.
    Whole(Box<Esm2>),
    /// In their files, whose layers are read for each piece.
    OnDisk(Esm2Config, WeightFiles),
}

impl Model {
    fn on_disk(folder: &Path, files: &[PathBuf]) -> Result<Self> {
        let config = published_config(folder)?.with_context(|| {
            format!(
                "{}: holds no config.json, which --layer-by-layer needs",
                folder.display()
            )
        })?;
        Ok(Self::OnDisk(config, WeightFiles::open(files)?))
    }

    /// How many proteins, the longest of which is the first, are read together.
    fn piece(&self, proteins: &[(&String, &Seq<Protein>)]) -> usize {
        match self {
            Self::Whole(_) => PIECE,
            Self::OnDisk(config, _) => {
                let longest = proteins.first().map_or(1, |(_, protein)| protein.len() + 2);
                (STATES / (longest * config.d_model)).max(PIECE)
            }
        }
    }

    /// The vectors of the residues of each protein.
    fn read_residues(&self, proteins: &[&Seq<Protein>], tokens: usize) -> Result<Vec<Array2<f32>>> {
        let Self::Whole(model) = self else {
            bail!("--layer-by-layer gives the mean of each protein: leave it or --per-residue out");
        };
        let config = EmbedConfig::new().with_tokens_per_batch(tokens);
        let read = |protein: &&Seq<Protein>| {
            let vectors = model.embed_residues(&encoded(protein), &config)?;
            let width = model.config().d_model;
            let values = vectors.iter::<f32>().collect();
            Ok(Array2::from_shape_vec((protein.len(), width), values)?)
        };
        proteins.iter().map(read).collect()
    }

    /// The mean vector of each protein, `[1, width]`.
    fn read(
        &self,
        proteins: &[&Seq<Protein>],
        tokens: usize,
        device: &Device,
    ) -> Result<Vec<Array2<f32>>> {
        let encoded: Vec<Vec<i64>> = proteins.iter().map(|own| encoded(own)).collect();
        let config = EmbedConfig::new().with_tokens_per_batch(tokens);
        let (vectors, width) = match self {
            Self::Whole(model) => {
                let vectors = model.embed(&encoded, &config, |_, _| ())?;
                (vectors, model.config().d_model)
            }
            Self::OnDisk(sizes, files) => {
                let names: Vec<&str> = files.names().collect();
                let read = |wanted: &dyn Fn(&str) -> bool| anyhow::Ok(files.read(wanted)?);
                let mut model = Esm2OnDisk::new(sizes.clone(), &names, device, read)?;
                let shown = |done, all| eprintln!("layer {done} of {all}");
                (model.embed(&encoded, &config, shown)?, sizes.d_model)
            }
        };
        let values: Vec<f32> = vectors.iter::<f32>().collect();
        let vector = |own: &[f32]| ArrayView1::from(own).insert_axis(Axis(0)).to_owned();
        Ok(values.chunks_exact(width).map(vector).collect())
    }
}

/// A protein's tokens.
fn encoded(protein: &Seq<Protein>) -> Vec<i64> {
    let mut out = vec![0_i64; Esm2Tokens.positions(protein.len())];
    Esm2Tokens.encode_as_into(protein, &mut out);
    out
}

/// The files of weights in a folder: one, or the shards.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "{}: cannot be opened as a folder; {HOW_TO_GET_WEIGHTS}",
            folder.display()
        )
    })?;
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.is_file() {
            all.push(path);
        }
    }
    all.sort();
    // Published beside each other are the same weights in several formats.
    for format in ["safetensors", "pt", "bin"] {
        let ending = |path: &&PathBuf| path.extension().is_some_and(|own| own == format);
        let of_format: Vec<PathBuf> = all.iter().filter(ending).cloned().collect();
        if !of_format.is_empty() {
            return Ok(of_format);
        }
    }
    bail!(
        "{}: holds no .safetensors, .pt or .bin file; {HOW_TO_GET_WEIGHTS}",
        folder.display()
    )
}

fn hash(files: &[PathBuf]) -> Result<String> {
    let hashes = files.iter().map(|path| Ok(DataFile::read(path)?.sha256));
    Ok(hashes.collect::<Result<Vec<_>>>()?.join("+"))
}

fn load(folder: &Path, files: &[PathBuf], device: &Device) -> Result<Esm2> {
    let mut tensors = BTreeMap::new();
    for path in files {
        tensors.extend(weights::read(path)?);
    }
    let config = match published_config(folder)? {
        Some(config) => config,
        None => Esm2Config::from_weights(&tensors).with_context(|| folder.display().to_string())?,
    };
    Esm2::from_weights(&config, tensors, device).with_context(|| folder.display().to_string())
}

/// What config.json says, where there is one.
fn published_config(folder: &Path) -> Result<Option<Esm2Config>> {
    let path = folder.join("config.json");
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    let config = Esm2Config::from_json(&text).with_context(|| path.display().to_string())?;
    Ok(Some(config))
}
