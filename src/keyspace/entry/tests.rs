use super::*;

const META: Meta = Meta { epoch: 3, access: 0xab_cdef };

fn text_of(entry: &Entry) -> Vec<u8> {
    entry.value().as_text(&mut itoa::Buffer::new()).expect("a string").to_vec()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 256) as u8).collect()
}

#[test]
fn keys_and_values_of_all_lengths_come_back() {
    let lengths: Vec<usize> = (0..40)
        .chain([119, 127, 128, 254, 255, 256, 257, 1000, 1023, 1024, 1025, 70_000])
        .collect();
    for &key_len in &lengths {
        for &value_len in &lengths {
            for expire in [None, Some(u64::MAX), Some(0)] {
                let (key, value) = (pattern(key_len), pattern(value_len));
                let entry = Entry::new(&key, Value::Bytes(&value), expire, META);
                assert_eq!(entry.key(), key);
                assert_eq!(text_of(&entry), value);
                assert_eq!((entry.expire(), entry.meta()), (expire, META));
                assert!(entry.memory() >= key_len + value_len);
            }
        }
    }
}

#[test]
fn zero_bytes_are_bytes_like_others() {
    let entry = Entry::new(b"\0\0a\0", Value::Bytes(b"\0"), None, META);
    assert_eq!((entry.key(), &text_of(&entry)[..]), (&b"\0\0a\0"[..], &b"\0"[..]));
}

#[test]
fn large_values_are_neither_copied_nor_cut() {
    let buffer = pattern(16 << 20);
    let address = buffer.as_ptr();
    let entry = Entry::new(b"k", Value::Buffer(buffer), None, META);
    let ValueRef::Str(text) = entry.value() else { panic!("a string of its own") };
    assert_eq!((text.as_ptr(), text.len()), (address, 16 << 20));

    let shared = Bytes::from(pattern(16 << 20));
    let mut entry = Entry::new(b"k", Value::Shared(shared.clone()), Some(9), META);
    let ValueRef::Shared(held) = entry.value() else { panic!("shared") };
    assert_eq!(held.as_ptr(), shared.as_ptr());
    // While a reply holds the bytes a change must not show in it.
    entry.bytes_mut(0).expect("a string")[0] = 99;
    assert_eq!(shared[0], 0);
    assert_eq!(text_of(&entry)[0], 99);
    assert_eq!(entry.expire(), Some(9));
}

#[test]
fn memory_held_alone_is_taken_over_for_a_change() {
    let shared = Bytes::from(pattern(100_000));
    let address = shared.as_ptr();
    let mut entry = Entry::new(b"k", Value::Shared(shared), None, META);
    let bytes = entry.bytes_mut(0).expect("a string");
    assert_eq!(bytes.as_ptr(), address);
}

#[test]
fn encodings_are_those_of_redis() {
    let check = |value: Value<'_>, expected: &str| {
        assert_eq!(Entry::new(b"k", value, None, META).encoding(), expected);
    };
    check(Value::text(b"12"), "int");
    check(Value::text(b"012"), "embstr");
    check(Value::Bytes(b"12"), "embstr");
    check(Value::Bytes(&[b'x'; 44]), "embstr");
    check(Value::Bytes(&[b'x'; 45]), "raw");
    check(Value::Buffer(vec![b'x'; 44]), "embstr");
    check(Value::Shared(Bytes::from_static(&[0; 2000])), "raw");
    let mut entry = Entry::new(b"k", Value::Int(7), None, META);
    assert_eq!(entry.append(b"x"), Some(2));
    assert_eq!((entry.encoding(), &text_of(&entry)[..]), ("raw", &b"7x"[..]));
    entry.replace(Value::Bytes(b"7x"), None, META);
    assert_eq!(entry.encoding(), "embstr");
    entry.bytes_mut(0);
    assert_eq!(entry.encoding(), "raw");
    assert_eq!(entry.duplicate().encoding(), "raw");
    entry.set_expire(Some(1));
    assert_eq!(entry.rekeyed(b"other").encoding(), "raw");
}

#[test]
fn a_value_of_the_same_size_class_is_written_in_place() {
    let mut entry = Entry::new(b"key", Value::Bytes(&[1; 60]), None, META);
    let block = entry.0;
    entry.replace(Value::Bytes(&[2; 65]), None, Meta::default());
    assert_eq!(entry.0, block);
    assert_eq!((text_of(&entry), entry.meta()), (vec![2; 65], Meta::default()));
    entry.replace(Value::Int(5), None, META);
    assert_ne!(entry.0, block, "a block far too large is given back");
    let block = entry.0;
    entry.set_int(6);
    assert_eq!((entry.0, &text_of(&entry)[..]), (block, &b"6"[..]));
    entry.replace(Value::Shared(Bytes::from_static(&[0; 2000])), None, META);
    assert_eq!(entry.0, block);
    entry.replace(Value::Buffer(vec![7; 3000]), None, META);
    assert_eq!((entry.0, text_of(&entry)), (block, vec![7; 3000]));
    entry.replace(Value::Bytes(b"8"), None, META);
    assert_eq!((entry.key(), &text_of(&entry)[..]), (&b"key"[..], &b"8"[..]));
}

#[test]
fn appending_grows_through_all_forms() {
    let mut entry = Entry::new(b"key", Value::Int(-1), Some(77), META);
    let mut model = b"-1".to_vec();
    for step in 0..3000 {
        let tail = pattern(step % 7);
        model.extend_from_slice(&tail);
        assert_eq!(entry.append(&tail), Some(model.len()));
    }
    assert_eq!((text_of(&entry), entry.expire(), entry.meta()), (model, Some(77), META));
}

#[test]
fn bytes_mut_appends_zeros() {
    for start in [0, 5, 40, 1020, 1024, 5000] {
        for grow in [0, 1, 3, 50, 2000] {
            let mut model = pattern(start);
            let mut entry = Entry::new(b"key", Value::Bytes(&model), None, META);
            model.resize(start + grow, 0);
            assert_eq!(entry.bytes_mut(start + grow).expect("a string"), &model[..]);
            assert_eq!(entry.bytes_mut(0).expect("a string").len(), start + grow);
        }
    }
}

#[test]
fn the_expiry_comes_and_goes_with_every_form() {
    for value in [
        Value::Int(4),
        Value::Bytes(b"short"),
        Value::Bytes(&[1; 1024]),
        Value::Bytes(&[1; 1025]),
        Value::Shared(Bytes::from(pattern(5000))),
    ] {
        let mut entry = Entry::new(b"key", value, None, META);
        let text = text_of(&entry);
        for expire in [None, Some(5), Some(6), None, Some(u64::MAX)] {
            entry.set_expire(expire);
            assert_eq!((entry.expire(), text_of(&entry)), (expire, text.clone()));
            assert_eq!((entry.key(), entry.meta()), (&b"key"[..], META));
        }
        let moved = entry.rekeyed(&pattern(300));
        assert_eq!((moved.key(), text_of(&moved)), (&pattern(300)[..], text));
        assert_eq!((moved.expire(), moved.meta()), (Some(u64::MAX), META));
    }
}

#[test]
fn an_entry_may_be_dropped_elsewhere() {
    let entry = Entry::new(b"key", Value::Bytes(&[1; 5000]), None, META);
    std::thread::spawn(move || drop(entry)).join().expect("no panic");
}
