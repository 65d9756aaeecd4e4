//! CRC-64 as RDB files and DUMP payloads carry it: the polynomial of Jones, reflected, starting
//! at 0, with no final inversion ("CRC-64/REDIS" in the public catalogue of parametrised CRCs).
//! Pure, any core. Feeding bytes in pieces gives the same sum as feeding them at once.

/// A running sum. Copy it to keep a middle state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Crc64(u64);

impl Crc64 {
    /// The sum of no bytes.
    pub fn new() -> Crc64 {
        Crc64(0)
    }

    /// Continues from a sum that was read with [`Crc64::sum`].
    pub fn resume(sum: u64) -> Crc64 {
        Crc64(sum)
    }

    /// Takes `bytes` into the sum. Eight bytes a step.
    pub fn update(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut crc = self.0;
        for word in words {
            let mixed = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
            crc = TABLES[7][usize::from(mixed[0])]
                ^ TABLES[6][usize::from(mixed[1])]
                ^ TABLES[5][usize::from(mixed[2])]
                ^ TABLES[4][usize::from(mixed[3])]
                ^ TABLES[3][usize::from(mixed[4])]
                ^ TABLES[2][usize::from(mixed[5])]
                ^ TABLES[1][usize::from(mixed[6])]
                ^ TABLES[0][usize::from(mixed[7])];
        }
        for byte in rest {
            crc = TABLES[0][usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
        }
        self.0 = crc;
    }

    /// The sum of all bytes so far.
    pub fn sum(self) -> u64 {
        self.0
    }
}

/// The sum of `bytes` alone.
pub fn crc64(bytes: &[u8]) -> u64 {
    let mut crc = Crc64::new();
    crc.update(bytes);
    crc.sum()
}

/// Jones's polynomial 0xad93d23594c935a9 with its bits in reverse order.
const POLYNOMIAL: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();

/// `TABLES[k][b]`: what byte `b` contributes when `k` more bytes follow it in the word.
static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut distance = 1;
    while distance < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[distance - 1][byte];
            tables[distance][byte] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        distance += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_check_value_comes_out() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn pieces_of_any_size_give_the_sum_of_the_whole() {
        let mut random = fastrand::Rng::with_seed(64);
        let bytes: Vec<u8> = (0..300).map(|_| random.u8(..)).collect();
        let whole = crc64(&bytes);
        for split in 0..=bytes.len() {
            let mut crc = Crc64::new();
            crc.update(&bytes[..split]);
            let mut crc = Crc64::resume(crc.sum());
            crc.update(&bytes[split..]);
            assert_eq!(crc.sum(), whole, "split at {split}");
        }
    }

    #[test]
    fn the_tables_agree_with_one_bit_at_a_time() {
        let mut random = fastrand::Rng::with_seed(65);
        for length in 0..64 {
            let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let mut slow = 0_u64;
            for byte in &bytes {
                slow ^= u64::from(*byte);
                for _ in 0..8 {
                    slow = if slow & 1 == 1 { (slow >> 1) ^ POLYNOMIAL } else { slow >> 1 };
                }
            }
            assert_eq!(crc64(&bytes), slow, "length {length}");
        }
    }
}
