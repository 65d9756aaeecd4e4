//! Zipmaps: the flat form of small hashes in files of before Redis 2.6. Read only; pure, any core.
//!
//! ```text
//! fields(1)  field value ... field value  0xff
//!
//! field: length, bytes       value: length, unused(1), bytes, as many unused bytes
//! length: 1 byte below 254, else 254 and 4 bytes, little-endian
//! ```
//!
//! 254 fields or more are not told: they are to be counted.

use crate::keyspace::encoding::error::Invalid;

/// A field and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The fields and values of a zipmap, checked in every part. Whether fields differ is left to whom
/// takes them in.
///
/// # Errors
/// Whatever contradicts the layout.
pub fn read(bytes: &[u8]) -> Result<Vec<Pair<'_>>, Invalid> {
    let (&told, mut rest) = bytes.split_first().ok_or(BROKEN)?;
    let mut pairs = Vec::new();
    while rest.first() != Some(&END) {
        pairs.push(pair(&mut rest).ok_or(BROKEN)?);
    }
    if rest.len() != 1 {
        return Err(Invalid("bytes after the end of a zipmap"));
    }
    if told < LONG && usize::from(told) != pairs.len() {
        return Err(Invalid("a zipmap with another number of fields than it says"));
    }
    Ok(pairs)
}

fn pair<'a>(rest: &mut &'a [u8]) -> Option<Pair<'a>> {
    let field_len = length(rest)?;
    let field = take(rest, field_len)?;
    let value_len = length(rest)?;
    let unused = usize::from(*take(rest, 1)?.first()?);
    let value = take(rest, value_len)?;
    take(rest, unused)?;
    Some((field, value))
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    match *take(rest, 1)?.first()? {
        END => None,
        LONG => {
            let bytes = take(rest, 4)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*bytes) as usize)
        }
        short => Some(usize::from(short)),
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

const BROKEN: Invalid = Invalid("a zipmap that ends inside a field");
/// Before a length of four bytes; also "as many fields or more".
const LONG: u8 = 254;
const END: u8 = 255;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::base::stock::{Answer, Stock};
    use crate::rdb::ziplist::tests::payload;

    /// A zipmap, as the old servers wrote them, with `unused` bytes behind each value.
    pub fn write(pairs: &[(&[u8], &[u8])], unused: u8) -> Vec<u8> {
        let mut bytes = vec![pairs.len().min(usize::from(LONG)) as u8];
        let length = |bytes: &mut Vec<u8>, length: usize| match u8::try_from(length) {
            Ok(short) if short < LONG => bytes.push(short),
            _ => {
                bytes.push(LONG);
                bytes.extend_from_slice(&(length as u32).to_le_bytes());
            }
        };
        for (field, value) in pairs {
            length(&mut bytes, field.len());
            bytes.extend_from_slice(field);
            length(&mut bytes, value.len());
            bytes.push(unused);
            bytes.extend_from_slice(value);
            bytes.resize(bytes.len() + usize::from(unused), 0);
        }
        bytes.push(END);
        bytes
    }

    #[test]
    fn what_is_read_is_what_a_stock_server_reads() {
        let Some(mut stock) = Stock::start("valkey-server", &[]) else { return };
        let long = [b'y'; 300];
        let pairs: [(&[u8], &[u8]); 4] =
            [(b"a", b"1"), (b"b", b""), (b"c", &[b'z'; 253]), (b"d", &long)];
        for unused in [0, 3] {
            let bytes = write(&pairs, unused);
            assert_eq!(read(&bytes), Ok(pairs.to_vec()));
            let payload = payload(9, &bytes);
            let restored = stock.call(&[&b"RESTORE"[..], b"hash", b"0", &payload, &b"REPLACE"[..]]);
            assert_eq!(restored, Answer::Text(b"OK".to_vec()));
            for (field, value) in pairs {
                let found = stock.call(&[b"HGET", &b"hash"[..], field]);
                assert_eq!(found, Answer::Text(value.to_vec()));
            }
        }
    }

    #[test]
    fn many_fields_are_counted() {
        let names: Vec<String> = (0..300).map(|number| number.to_string()).collect();
        let pairs: Vec<(&[u8], &[u8])> =
            names.iter().map(|name| (name.as_bytes(), &b"v"[..])).collect();
        assert_eq!(read(&write(&pairs, 0)), Ok(pairs));
    }

    #[test]
    fn every_damage_is_refused_or_harmless() {
        let good = write(&[(b"field", b"value"), (b"f", &[b'y'; 300])], 2);
        for at in 0..good.len() {
            assert!(read(&good[..at]).is_err());
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let _refused_or_read = read(&bytes).is_err();
            }
        }
        assert!(read(&[0, END, END]).is_err());
        assert!(read(&[1, END]).is_err());
        assert_eq!(read(&[0, END]), Ok(Vec::new()));
    }
}
