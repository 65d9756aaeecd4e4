use super::*;

#[test]
fn memory_sizes_read_back() {
    for (text, bytes) in [
        ("0", 0),
        ("", 0),
        ("1b", 1),
        ("1k", 1000),
        ("1KB", 1024),
        ("2m", 2_000_000),
        ("1mb", 1 << 20),
        ("1g", 1_000_000_000),
        ("5GB", 5 << 30),
        ("010", 10),
        ("99999999999999999999", u64::MAX),
        ("99999999999gb", u64::MAX),
    ] {
        assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        assert_eq!(parse_memory(&print_memory(bytes)), Ok(bytes), "{text}");
    }
    for text in ["-1", "+1", "1t", "1 kb", " 1", "1.5gb", "0x10", "1kbb", "ü"] {
        assert_eq!(parse_memory(text), Err(Reason::NotMemory), "{text}");
    }
    assert_eq!(print_memory(3_000_000), "3000000");
    assert_eq!(print_memory(1_572_864), "1536kb");
}

#[test]
fn integers_have_one_form() {
    assert_eq!(parse_integer("-5"), Ok(-5));
    for text in ["", "+5", "05", "-0", " 5", "5 ", "0x1", "9223372036854775808"] {
        assert_eq!(parse_integer(text), Err(Reason::NotInteger), "{text}");
    }
}

#[test]
fn percentages_count_of_maxmemory() {
    assert_eq!(parse_memory_limit("10%"), Ok(MemoryLimit::Percent(10)));
    assert_eq!(parse_memory_limit("101%"), Err(Reason::PercentTooLarge));
    assert_eq!(parse_memory_limit("1000%"), Err(Reason::PercentTooLarge));
    for text in ["%", "-1%", "1.5%", "x", "10kb%"] {
        assert_eq!(parse_memory_limit(text), Err(Reason::NotMemoryOrPercent), "{text}");
    }
    assert_eq!(MemoryLimit::Percent(10).bytes(u64::MAX), u64::MAX / 10);
    assert_eq!(MemoryLimit::Bytes(7).bytes(100), 7);
}

/// The pairs were recorded from a stock server's CONFIG SET and CONFIG GET.
#[test]
fn event_letters_are_put_in_order() {
    for (set, shown) in [
        ("", ""),
        ("KEA", "AKE"),
        ("Kg$", "g$K"),
        ("Ktdmnxezhsl$gE", "AKEm"),
        ("m", "m"),
        ("Kmn", "nKm"),
        ("n", "n"),
        ("KEAmn", "AKEm"),
        ("Ad", "A"),
        ("gxelshzt$", "g$lshzxet"),
    ] {
        assert_eq!(NotifyFlags::parse(set).map(NotifyFlags::print), Ok(shown.to_owned()), "{set}");
    }
    assert!(matches!(NotifyFlags::parse("q"), Err(Reason::Invalid(_))));
    let flags = NotifyFlags::parse("Kg").expect("valid");
    assert!(flags.publishes(NotifyFlags::GENERIC));
    assert!(!flags.publishes(NotifyFlags::STRING));
    assert!(!NotifyFlags::ALL.publishes(NotifyFlags::GENERIC));
}

#[test]
fn words_are_separated_and_unquoted() {
    let check = |line: &str, words: &[&str]| {
        assert_eq!(split_line(line), Ok(words.iter().map(|w| (*w).to_owned()).collect()), "{line}");
    };
    check("  port \t 6379  ", &["port", "6379"]);
    check(r#"a "b c" 'd e' "" ''"#, &["a", "b c", "d e", "", ""]);
    check(r#""\n\r\t\b\a\"\\\q\x41\xzz""#, &["\n\r\t\u{8}\u{7}\"\\qAxzz"]);
    check(r"'a\'b\n'", &["a'b\\n"]);
    check(r#"63"79""#, &["6379"]);
    check(r#""\xc3\xbc""#, &["ü"]);
    check("port 12 # x", &["port", "12", "#", "x"]);
    for line in [r#""a"#, r#""a"b"#, "'a", "'a'b", r#"""x"#, r#""a\"#] {
        assert_eq!(split_line(line), Err(Reason::UnbalancedQuotes), "{line}");
    }
    assert_eq!(split_line(r#""\xff""#), Err(Reason::NotText));
    assert_eq!(split_line(r#""\x00""#), Err(Reason::NotText));
}

#[test]
fn quoted_words_read_back() {
    for seed in 0..2000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let length = rng.usize(0..12);
        let letters = "ab\"'\\ \n\r\t\u{1}\u{7}\u{8}\u{7f}#üx4";
        let letters: Vec<char> = letters.chars().collect();
        let word: String = (0..length).map(|_| letters[rng.usize(0..letters.len())]).collect();
        for quoted in [quote(&word), quote_if_needed(&word)] {
            assert_eq!(split_line(&quoted), Ok(vec![word.clone()]), "seed {seed}");
        }
    }
}
