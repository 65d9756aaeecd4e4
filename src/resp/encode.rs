//! Writes requests of our own: to a master, to a replica's stream, to the AOF. Pure, any core.

/// Appends `*N` and the arguments as bulks.
pub fn command(out: &mut Vec<u8>, args: &[&[u8]]) {
    out.reserve(16 + args.iter().map(|arg| arg.len() + 16).sum::<usize>());
    header(out, b'*', args.len());
    for arg in args {
        bulk(out, arg);
    }
}

/// Appends `$len`, the bytes and the line end.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + HEADER_BYTES_MAX + 2);
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends `marker`, a count and the line end. Counts below 1000 take no division by a runtime
/// value and one copy of constant size.
#[inline]
pub fn header(out: &mut Vec<u8>, marker: u8, count: usize) {
    // Each digit is below ten, so the conversions keep the value.
    let digit = |value: usize| b'0' + (value % 10) as u8;
    match count {
        0..10 => out.extend_from_slice(&[marker, digit(count), b'\r', b'\n']),
        10..100 => {
            out.extend_from_slice(&[marker, digit(count / 10), digit(count), b'\r', b'\n']);
        }
        100..1000 => out.extend_from_slice(&[
            marker,
            digit(count / 100),
            digit(count / 10),
            digit(count),
            b'\r',
            b'\n',
        ]),
        _ => number(out, marker, i64::try_from(count).expect("no count in memory exceeds i64")),
    }
}

/// Appends `marker`, a number and the line end.
#[inline]
pub fn number(out: &mut Vec<u8>, marker: u8, value: i64) {
    if let 0..1000 = value {
        return header(out, marker, value as usize);
    }
    // Written from the end, so that one copy appends the whole line.
    let mut line = [0; HEADER_BYTES_MAX];
    line[HEADER_BYTES_MAX - 2..].copy_from_slice(b"\r\n");
    let mut start = HEADER_BYTES_MAX - 2;
    let mut rest = value.unsigned_abs();
    while rest > 0 {
        start -= 1;
        line[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if value < 0 {
        start -= 1;
        line[start] = b'-';
    }
    start -= 1;
    line[start] = marker;
    out.extend_from_slice(&line[start..]);
}

/// How many bytes [`command`] would append.
pub fn command_len(args: &[&[u8]]) -> usize {
    header_len(args.len()) + args.iter().map(|arg| bulk_len(arg.len())).sum::<usize>()
}

/// How many bytes [`bulk`] appends for `len` bytes.
pub fn bulk_len(len: usize) -> usize {
    header_len(len) + len + 2
}

/// How many bytes [`header`] appends.
pub fn header_len(count: usize) -> usize {
    3 + count.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// A marker, the 20 characters of `i64::MIN`, the line end.
const HEADER_BYTES_MAX: usize = 1 + 20 + 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_arrays_of_bulks() {
        let mut out = Vec::new();
        command(&mut out, &[b"SET", b"k", b""]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
        assert_eq!(out.len(), command_len(&[b"SET", b"k", b""]));
    }

    #[test]
    fn numbers_of_every_length_are_written() {
        let mut values = vec![0, i64::MAX, i64::MIN, -1];
        let mut power = 1i64;
        while let Some(next) = power.checked_mul(10) {
            values.extend([power - 1, power, power + 1, -power, 5 * power / 2]);
            power = next;
        }
        for value in values {
            let mut out = Vec::new();
            number(&mut out, b':', value);
            assert_eq!(out, format!(":{value}\r\n").as_bytes());
            if let Ok(count) = usize::try_from(value) {
                out.clear();
                header(&mut out, b'$', count);
                assert_eq!(out, format!("${value}\r\n").as_bytes());
                assert_eq!(out.len(), header_len(count));
            }
        }
    }
}
