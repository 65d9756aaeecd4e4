//! CRC16/XMODEM, the checksum Redis Cluster maps keys to hash slots with. Pure, any core.
//!
//! Polynomial x^16 + x^12 + x^5 + 1 (0x1021), start value 0, no reflection, no final xor. The Redis
//! Cluster specification fixes it and gives 0x31c3 as the checksum of `123456789`.

/// The CRC16/XMODEM of `bytes`; 0 for no bytes.
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut pairs = bytes.chunks_exact(2);
    let mut crc = 0;
    for pair in pairs.by_ref() {
        // Both bytes in one step: two independent loads instead of a chain of two.
        let mixed = crc ^ u16::from_be_bytes([pair[0], pair[1]]);
        crc = TABLES[1][usize::from(mixed >> 8)] ^ TABLES[0][usize::from(mixed & 0xff)];
    }
    for &byte in pairs.remainder() {
        crc = (crc << 8) ^ TABLES[0][usize::from((crc >> 8) ^ u16::from(byte))];
    }
    crc
}

/// `TABLES[0][b]` is the checksum of the byte `b`; `TABLES[1][b]` that of `b` followed by a zero
/// byte.
static TABLES: [[u16; 256]; 2] = tables();

const POLYNOMIAL: u16 = 0x1021;

const fn tables() -> [[u16; 256]; 2] {
    let mut tables = [[0; 256]; 2];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    byte = 0;
    while byte < 256 {
        let crc = tables[0][byte];
        tables[1][byte] = (crc << 8) ^ tables[0][(crc >> 8) as usize];
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit_by_bit(bytes: &[u8]) -> u16 {
        let mut crc = 0u16;
        for &byte in bytes {
            crc ^= u16::from(byte) << 8;
            for _ in 0..8 {
                crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
            }
        }
        crc
    }

    #[test]
    fn specification_vector() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn agrees_with_the_definition_at_every_length() {
        let bytes: Vec<u8> = (0..300u32).map(|n| ((n * 197) >> 3) as u8).collect();
        for length in 0..bytes.len() {
            assert_eq!(crc16(&bytes[..length]), bit_by_bit(&bytes[..length]), "length {length}");
        }
    }
}
