//! Bytes as hexadecimal digits. Pure, any core.

/// Two lower-case digits a byte.
pub fn lower(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_are_lower_case_and_two_a_byte() {
        assert_eq!(super::lower(&[0, 9, 0xab, 0xff]), "0009abff");
    }
}
