//! SHA-256 (FIPS 180-4) of what a run wrote, as lower-case hexadecimal.

use sha2::{Digest, Sha256};

/// 64 hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two lower-case digits for every byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
