//! The payload of DUMP and RESTORE: a type, a value, and a footer. Pure, any core.
//!
//! ```text
//! type(1) value  version(2, little-endian) crc64(8, little-endian, of all before it)
//! ```

use thiserror::Error;

use crate::base::crc64::crc64;
use crate::base::lzf::Compressor;
use crate::keyspace::digest::Digest;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::reader::Reader;
use crate::rdb::record::{StringValue, Value, ValueRef};
use crate::rdb::value::{self, ValueReader};

/// Why a payload is not restored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DumpError {
    /// Too short for a footer, of a version not known, or with a wrong sum.
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    /// The footer is right but the value is not one that can be read.
    #[error("Bad data format")]
    Value(#[source] RdbError),
}

/// Writes a value as DUMP replies it. `options.checksum` has no say: a payload always has a sum.
pub fn encode(value: ValueRef<'_>, options: &EncodeOptions) -> Vec<u8> {
    let mut compressor = options.compress.then(Compressor::new);
    let mut out = vec![value::type_code(value, options.version)];
    value::write(&mut out, value, options.version, compressor.as_mut());
    out.extend_from_slice(&options.version.to_le_bytes());
    out.extend_from_slice(&crc64(&out).to_le_bytes());
    out
}

/// Reads a payload as RESTORE is given it. Of `options`, the sum is always compared.
///
/// # Errors
/// [`DumpError::Footer`] before anything of the value is looked at; [`DumpError::Value`], with
/// offsets from the payload's first byte, if the value is broken, of a type that cannot be read,
/// or followed by bytes that are not its own.
pub fn decode(payload: &[u8], options: &DecodeOptions) -> Result<Value, DumpError> {
    let (body, version) = verify(payload).ok_or(DumpError::Footer)?;
    read_body(body, version == format::VALKEY_VERSION, options).map_err(DumpError::Value)
}

/// The bytes before the footer, and its version, if it is one that is known and the sum is right.
fn verify(payload: &[u8]) -> Option<(&[u8], u16)> {
    let (summed, sum) = payload.split_last_chunk::<8>()?;
    let (body, version) = summed.split_last_chunk::<2>()?;
    let version = u16::from_le_bytes(*version);
    let known = version <= format::VERSION_MAX || version == format::VALKEY_VERSION;
    (known && crc64(summed) == u64::from_le_bytes(*sum)).then_some((body, version))
}

fn read_body(body: &[u8], valkey: bool, options: &DecodeOptions) -> Result<Value, RdbError> {
    let mut input = body;
    let mut reader = Reader::new(options.string_max);
    let truncated = RdbError::Truncated { offset: body.len() as u64 };
    let Some(code) = reader.byte(&mut input) else { return Err(truncated) };
    let unsupported = || {
        let name = format::type_name(code, valkey);
        RdbError::UnsupportedType { name, code, key: String::new(), offset: 0 }
    };
    let mut held = ValueReader::begin(code, valkey, options.encoding).ok_or_else(unsupported)?;
    let value = held.step(&mut reader, &mut input)?.ok_or(truncated)?;
    // The one who restores is there to be told, so nothing of the value is left out.
    if held.expiring_fields() > 0 {
        return Err(unsupported());
    }
    if !input.is_empty() {
        let what = "bytes after the value";
        return Err(RdbError::Corrupt { what, offset: reader.offset() });
    }
    Ok(value)
}

/// For fuzzing: arbitrary bytes, with right footers put behind them, are read or refused, and what
/// was read comes back after being written in every version. Streams are written with less in old
/// versions, and then the digest is what comes back.
pub fn fuzz_dump(bytes: &[u8]) {
    let options = DecodeOptions::default();
    let _refused = decode(bytes, &options).is_err();
    for version in [format::WRITTEN_MAX, format::VALKEY_VERSION] {
        let mut payload = bytes.to_vec();
        payload.extend_from_slice(&version.to_le_bytes());
        payload.extend_from_slice(&crc64(&payload).to_le_bytes());
        let Ok(value) = decode(&payload, &options) else { continue };
        for version in format::WRITTEN_MIN..=format::WRITTEN_MAX {
            let written = EncodeOptions { version, ..EncodeOptions::default() };
            let again = encode(value.borrowed(), &written);
            let Ok(read) = decode(&again, &options) else { panic!("what was written is refused") };
            assert_eq!(digest(&read), digest(&value));
            if version == format::WRITTEN_MAX {
                assert_eq!(plain(read), plain(value.clone()));
            }
        }
    }
}

fn digest(value: &Value) -> Option<Digest> {
    let Value::Object(object) = value else { return None };
    let mut digest = Digest::default();
    object.digest(&mut digest);
    Some(digest)
}

/// An integer and its text are one value, and which of them comes back depends on its size.
fn plain(value: Value) -> Value {
    match value {
        Value::String(string) => Value::String(StringValue::Bytes(string.into_bytes())),
        Value::Object(object) => Value::Object(object),
    }
}

#[cfg(test)]
mod tests;
