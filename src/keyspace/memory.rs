//! What an allocation really costs: jemalloc's size classes. Pure, any core.

/// The size jemalloc serves a request of `bytes` with: multiples of 16 up to 128, above that four
/// classes a doubling. Rounding our own blocks the same way costs nothing and makes the byte count
/// true.
pub const fn size_class(bytes: usize) -> usize {
    if bytes <= 128 {
        return (bytes + 15) & !15;
    }
    let spacing = 1 << ((bytes - 1).ilog2() - 2);
    (bytes + spacing - 1) & !(spacing - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_four_a_doubling() {
        let classes: Vec<usize> = [0, 1, 16, 17, 128, 129, 160, 161, 256, 257, 320, 1025, 1 << 20]
            .map(size_class)
            .to_vec();
        assert_eq!(classes, [0, 16, 16, 32, 128, 160, 160, 192, 256, 320, 320, 1280, 1 << 20]);
    }

    #[test]
    fn a_class_is_its_own_class() {
        for bytes in 0..100_000 {
            let class = size_class(bytes);
            assert!(class >= bytes && size_class(class) == class, "{bytes}");
        }
    }
}
