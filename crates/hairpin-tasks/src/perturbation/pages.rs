//! The pages of one column chunk, unpacked here under a limit rather than to whatever length a page's header promises.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;

/// The most a page may hold; writers make pages of a megabyte.
const MOST_PAGE: usize = 1 << 26;

/// The pages of a chunk, each no longer than the limit and with no more values than its bytes can hold.
pub(super) struct Pages {
    packed: SerializedPageReader<Bytes>,
    compression: Compression,
    physical_type: Type,
    rows: usize,
    /// Whether the chunk's dictionary has come.
    dictionary: bool,
}

impl Pages {
    /// The pages of a chunk of so many rows, which lies within `file`.
    pub(super) fn new(file: &Bytes, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Self> {
        let known = matches!(
            chunk.compression(),
            Compression::UNCOMPRESSED
                | Compression::SNAPPY
                | Compression::GZIP(_)
                | Compression::ZSTD(_)
                | Compression::LZ4_RAW
        );
        if !known {
            return Err(ParquetError::NYI(format!(
                "pages packed with {}; write the file with Snappy or Zstandard",
                chunk.compression()
            )));
        }
        let starts = [
            chunk.dictionary_page_offset(),
            Some(chunk.data_page_offset()),
        ];
        let end = starts
            .iter()
            .flatten()
            .copied()
            .min()
            .map(|start| (start, chunk.compressed_size()));
        let inside = end.is_some_and(|(start, length)| {
            let end = start.checked_add(length);
            start >= 0 && length >= 0 && end.is_some_and(|end| end as u64 <= file.len() as u64)
        });
        if !inside || starts.iter().flatten().any(|&start| start < 0) {
            return Err(ParquetError::EOF(
                "a column that lies outside the file".to_owned(),
            ));
        }
        // Handed over as if it were not packed, so that the pages come as they are stored.
        let plain = chunk
            .clone()
            .into_builder()
            .set_compression(Compression::UNCOMPRESSED);
        Ok(Self {
            packed: SerializedPageReader::new(Arc::new(file.clone()), &plain.build()?, rows, None)?,
            compression: chunk.compression(),
            physical_type: chunk.column_type(),
            rows,
            dictionary: false,
        })
    }

    fn unpack(&self, packed: Bytes) -> Result<Bytes> {
        let too_large = || ParquetError::General(format!("a page of more than {MOST_PAGE} bytes"));
        let damaged = |error: String| {
            ParquetError::General(format!("a page that cannot be unpacked: {error}"))
        };
        let unpacked = match self.compression {
            _ if packed.is_empty() => return Ok(packed),
            Compression::SNAPPY => {
                let length =
                    snap::raw::decompress_len(&packed).map_err(|e| damaged(e.to_string()))?;
                // No Snappy element gives more than 64 bytes for 2.
                if length > MOST_PAGE || length / 32 > packed.len() {
                    return Err(too_large());
                }
                let unpacked = snap::raw::Decoder::new().decompress_vec(&packed);
                unpacked.map_err(|e| damaged(e.to_string()))?
            }
            Compression::GZIP(_) => bounded(MultiGzDecoder::new(&packed[..]))?,
            Compression::ZSTD(_) => {
                let decoder =
                    StreamingDecoder::new_with_max_window_size(&packed[..], MOST_PAGE as u64);
                bounded(decoder.map_err(|e| damaged(e.to_string()))?)?
            }
            Compression::LZ4_RAW => {
                // No byte of LZ4 gives more than 255.
                let mut unpacked = vec![0; MOST_PAGE.min(packed.len().saturating_mul(255))];
                let length = lz4_flex::block::decompress_into(&packed, &mut unpacked);
                unpacked.truncate(length.map_err(|e| damaged(e.to_string()))?);
                unpacked
            }
            _ => return Ok(packed),
        };
        if unpacked.len() > MOST_PAGE {
            return Err(too_large());
        }
        Ok(Bytes::from(unpacked))
    }

    /// The fewest bytes that a value of a dictionary takes.
    fn least_bytes(&self) -> usize {
        match self.physical_type {
            Type::BOOLEAN => 1,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            _ => 4,
        }
    }

    fn checked(&mut self, page: Page) -> Result<Page> {
        // Whose values are places in a dictionary; the decoder panics where there is none.
        let of_dictionary = [Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY];
        match &page {
            Page::DictionaryPage { .. } => self.dictionary = true,
            data if !self.dictionary && of_dictionary.contains(&data.encoding()) => {
                return Err(ParquetError::General(
                    "a page that refers to a dictionary which is not there".to_owned(),
                ));
            }
            _ => {}
        }
        match page {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding,
                is_sorted,
            } => {
                let buf = self.unpack(buf)?;
                if num_values as usize > buf.len() / self.least_bytes() {
                    return Err(ParquetError::General(format!(
                        "a dictionary of {num_values} values in {} bytes",
                        buf.len()
                    )));
                }
                Ok(Page::DictionaryPage {
                    buf,
                    num_values,
                    encoding,
                    is_sorted,
                })
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                statistics,
            } => {
                self.check_values(num_values)?;
                let buf = self.unpack(buf)?;
                Ok(Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                self.check_values(num_values)?;
                // Only what follows the levels is packed.
                let levels =
                    (def_levels_byte_len as usize).saturating_add(rep_levels_byte_len as usize);
                if levels > buf.len() || num_nulls > num_values {
                    return Err(ParquetError::EOF(
                        "a page shorter than its levels".to_owned(),
                    ));
                }
                let buf = if is_compressed && self.compression != Compression::UNCOMPRESSED {
                    let values = self.unpack(buf.slice(levels..))?;
                    Bytes::from([&buf[..levels], &values].concat())
                } else {
                    buf
                };
                Ok(Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed: false,
                    statistics,
                })
            }
        }
    }

    fn check_values(&self, values: u32) -> Result<()> {
        if values as usize <= self.rows {
            return Ok(());
        }
        Err(ParquetError::General(format!(
            "a page of {values} values in a column of {} rows",
            self.rows
        )))
    }
}

/// All that a decoder gives, if it is not more than the limit.
fn bounded(decoder: impl Read) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut decoder = decoder.take(MOST_PAGE as u64 + 1);
    decoder.read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.packed.get_next_page()?;
        page.map(|page| self.checked(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}
