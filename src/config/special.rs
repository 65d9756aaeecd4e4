//! Directives whose value is more than one word: save points, buffer limits, addresses, the master,
//! event classes, percentiles, shutdown flags, the working directory. Plain functions, any core.

use std::path::Path;

use crate::config::choices::ShutdownFlags;
use crate::config::error::Reason;
use crate::config::kinds::Special;
use crate::config::settings::Settings;
use crate::config::settings_groups::{
    BindAddress, MasterAddress, NotifyFlags, OutputLimit, SavePoint,
};
use crate::config::values::{self, Mode};

/// Most addresses `bind` takes.
pub const BIND_ADDRESSES_MAX: usize = 16;

/// `save <seconds> <changes> ...`; `save ""` means never.
pub static SAVE: Special = Special {
    one_word: false,
    set: set_save,
    print: |s| save_text(&s.rdb.save),
    lines: |s, explicit| {
        let points: Vec<String> = s.rdb.save.iter().map(|p| save_text(&[*p])).collect();
        match (points.is_empty(), explicit) {
            (true, _) => vec!["\"\"".to_owned()],
            (false, true) => std::iter::once("\"\"".to_owned()).chain(points).collect(),
            (false, false) => points,
        }
    },
};

/// `client-output-buffer-limit <class> <hard> <soft> <seconds> ...`.
pub static OUTPUT_LIMITS: Special = Special {
    one_word: false,
    set: set_output_limits,
    print: output_limits_text,
    lines: output_limit_lines,
};

/// `bind <address> ...`; a leading `-` marks an address that may be missing.
pub static BIND: Special = Special {
    one_word: false,
    set: set_bind,
    print: bind_text,
    lines: |s, _| vec![or_empty(bind_text(s))],
};

/// `replicaof <host> <port>` or `replicaof no one`.
pub static REPLICAOF: Special = Special {
    one_word: false,
    set: set_replicaof,
    print: |s| match &s.replication.replicaof {
        Some(master) => format!("{} {}", master.host, master.port),
        None => String::new(),
    },
    lines: |s, explicit| match &s.replication.replicaof {
        Some(master) => {
            vec![format!("{} {}", values::quote_if_needed(&master.host), master.port)]
        }
        None if explicit => vec!["no one".to_owned()],
        None => Vec::new(),
    },
};

/// `oom-score-adj-values <master> <replica> <child>`.
pub static OOM_SCORE_ADJ_VALUES: Special = Special {
    one_word: false,
    set: set_oom_values,
    print: |s| s.server.oom_score_adj_values.map(|value| value.to_string()).join(" "),
    lines: |s, _| vec![s.server.oom_score_adj_values.map(|value| value.to_string()).join(" ")],
};

/// `notify-keyspace-events <letters>`.
pub static NOTIFY: Special = Special {
    one_word: true,
    set: |s, words, _| {
        s.observe.notify_keyspace_events = NotifyFlags::parse(words[0])?;
        Ok(())
    },
    print: |s| s.observe.notify_keyspace_events.print(),
    lines: |s, _| vec![values::quote(&s.observe.notify_keyspace_events.print())],
};

/// `latency-tracking-info-percentiles <p> ...`.
pub static PERCENTILES: Special = Special {
    one_word: false,
    set: set_percentiles,
    print: percentiles_text,
    lines: |s, _| vec![or_empty(percentiles_text(s))],
};

/// `shutdown-on-sigint <flag> ...`.
pub static ON_SIGINT: Special = Special {
    one_word: false,
    set: |s, words, _| set_shutdown(&mut s.shutdown.on_sigint, words),
    print: |s| s.shutdown.on_sigint.words().join(" "),
    lines: |s, _| vec![s.shutdown.on_sigint.words().join(" ")],
};

/// `shutdown-on-sigterm <flag> ...`.
pub static ON_SIGTERM: Special = Special {
    one_word: false,
    set: |s, words, _| set_shutdown(&mut s.shutdown.on_sigterm, words),
    print: |s| s.shutdown.on_sigterm.words().join(" "),
    lines: |s, _| vec![s.shutdown.on_sigterm.words().join(" ")],
};

/// `dir <path>`: must exist and be enterable. Stored absolute; a relative one is below the present
/// one.
pub static DIR: Special = Special {
    one_word: true,
    set: set_dir,
    print: |s| s.server.dir.to_string_lossy().into_owned(),
    lines: |s, _| vec![values::quote(&s.server.dir.to_string_lossy())],
};

/// A check for directives that name a file in `dir`.
pub fn check_dbfilename(text: &str) -> Result<(), Reason> {
    check_name(text, "dbfilename can't be empty", "dbfilename can't be a path, just a filename")
}

/// The same for `appendfilename`.
pub fn check_appendfilename(text: &str) -> Result<(), Reason> {
    let path = "appendfilename can't be a path, just a filename";
    check_name(text, "appendfilename can't be empty", path)
}

/// The same for `appenddirname`.
pub fn check_appenddirname(text: &str) -> Result<(), Reason> {
    let path = "appenddirname can't be a path, just a dirname";
    check_name(text, "appenddirname can't be empty", path)
}

fn check_name(text: &str, empty: &'static str, path: &'static str) -> Result<(), Reason> {
    match text {
        "" => Err(Reason::Invalid(empty)),
        _ if text.contains('/') => Err(Reason::Invalid(path)),
        _ => Ok(()),
    }
}

/// Takes apart a single quoted word that holds several: `save "900 1"`.
fn apart<'w>(words: &[&'w str]) -> Vec<&'w str> {
    match words {
        [one] => one.split(' ').collect(),
        _ => words.to_vec(),
    }
}

fn or_empty(text: String) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { text }
}

fn save_text(points: &[SavePoint]) -> String {
    let points: Vec<_> = points.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect();
    points.join(" ")
}

fn set_save(settings: &mut Settings, words: &[&str], mode: Mode) -> Result<(), Reason> {
    if words == [""] {
        settings.rdb.save.clear();
        return Ok(());
    }
    let words = apart(words);
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Reason::Invalid("Invalid save parameters"));
    }
    let mut points = Vec::with_capacity(pairs.len());
    for [seconds, changes] in pairs {
        let seconds = seconds.parse::<i64>().ok().and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds >= 1);
        let (Some(seconds), Some(changes)) = (seconds, natural(changes)) else {
            return Err(Reason::Invalid("Invalid save parameters"));
        };
        points.push(SavePoint { seconds, changes });
    }
    if mode == Mode::Replace && !words.is_empty() {
        settings.rdb.save.clear();
    }
    settings.rdb.save.extend(points);
    Ok(())
}

/// A count as these directives take it: digits alone, at most that of a signed 32-bit integer.
fn natural(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: i32 = text.parse().ok().filter(|_| digits)?;
    u32::try_from(number).ok()
}

fn set_output_limits(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    if words == [""] {
        return Ok(());
    }
    let words = apart(words);
    let (groups, rest) = words.as_chunks::<4>();
    if groups.is_empty() || !rest.is_empty() {
        let text = "Wrong number of arguments in buffer limit configuration.";
        return Err(Reason::Invalid(text));
    }
    let mut clients = settings.clients.clone();
    for [class, hard, soft, seconds] in groups {
        let limit = match class.to_ascii_lowercase().as_str() {
            "normal" => &mut clients.output_normal,
            "slave" | "replica" => &mut clients.output_replica,
            "pubsub" => &mut clients.output_pubsub,
            _ => {
                let text = "Invalid client class specified in buffer limit configuration.";
                return Err(Reason::Invalid(text));
            }
        };
        let (Ok(hard_bytes), Ok(soft_bytes), Some(soft_seconds)) =
            (values::parse_memory(hard), values::parse_memory(soft), natural(seconds))
        else {
            let text = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            return Err(Reason::Invalid(text));
        };
        *limit = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
    }
    settings.clients = clients;
    Ok(())
}

fn output_limits_text(settings: &Settings) -> String {
    let clients = &settings.clients;
    let classes = [
        ("normal", clients.output_normal),
        ("slave", clients.output_replica),
        ("pubsub", clients.output_pubsub),
    ];
    let print = |(name, limit): (&str, OutputLimit)| {
        let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = limit;
        format!("{name} {hard_bytes} {soft_bytes} {soft_seconds}")
    };
    classes.map(print).join(" ")
}

/// A line a class, in the spelling of the file; classes at their default only when `explicit`, but
/// never no line at all, so that a line that stood in the file is overwritten.
fn output_limit_lines(settings: &Settings, explicit: bool) -> Vec<String> {
    let (now, before) = (&settings.clients, &Settings::defaults().clients);
    let classes = [
        ("normal", now.output_normal, before.output_normal),
        ("replica", now.output_replica, before.output_replica),
        ("pubsub", now.output_pubsub, before.output_pubsub),
    ];
    let line = |(name, limit, _): &(&str, OutputLimit, OutputLimit)| {
        let (hard, soft) = (limit.hard_bytes, limit.soft_bytes);
        let (hard, soft) = (values::print_memory(hard), values::print_memory(soft));
        format!("{name} {hard} {soft} {}", limit.soft_seconds)
    };
    let changed: Vec<_> = classes.iter().filter(|(_, now, before)| now != before).collect();
    if explicit || changed.is_empty() {
        return classes.iter().map(line).collect();
    }
    changed.into_iter().map(line).collect()
}

fn set_bind(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    let words = apart(words);
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.len() > BIND_ADDRESSES_MAX {
        return Err(Reason::Invalid("Too many bind addresses specified."));
    }
    let address = |word: &str| match word.strip_prefix('-') {
        Some(address) => BindAddress { address: address.to_owned(), optional: true },
        None => BindAddress { address: word.to_owned(), optional: false },
    };
    settings.network.bind = words.into_iter().map(address).collect();
    Ok(())
}

fn bind_text(settings: &Settings) -> String {
    let print = |bind: &BindAddress| match bind.optional {
        true => format!("-{}", bind.address),
        false => bind.address.clone(),
    };
    settings.network.bind.iter().map(print).collect::<Vec<_>>().join(" ")
}

fn set_replicaof(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    if words == [""] {
        settings.replication.replicaof = None;
        return Ok(());
    }
    let words = apart(words);
    let [host, port] = words.as_slice() else {
        return Err(Reason::WrongArgumentCount);
    };
    if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") {
        settings.replication.replicaof = None;
        return Ok(());
    }
    let Some(port) = natural(port).and_then(|port| u16::try_from(port).ok()) else {
        return Err(Reason::Invalid("Invalid master port"));
    };
    settings.replication.replicaof = Some(MasterAddress { host: (*host).to_owned(), port });
    Ok(())
}

fn set_oom_values(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    let words = apart(words);
    let [master, replica, child] = words.as_slice() else {
        return Err(Reason::WrongArgumentCount);
    };
    let value = |text: &str| {
        let value = text.parse::<i32>().ok().filter(|value| (-2000..=2000).contains(value));
        let text = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        value.ok_or(Reason::Invalid(text))
    };
    settings.server.oom_score_adj_values = [value(master)?, value(replica)?, value(child)?];
    Ok(())
}

fn set_percentiles(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    let mut percentiles = Vec::new();
    if words != [""] {
        for word in apart(words) {
            let percentile: f64 = word.parse().map_err(|_| {
                Reason::Invalid("Invalid latency-tracking-info-percentiles parameters")
            })?;
            if !(0.0..=100.0).contains(&percentile) {
                let text = "latency-tracking-info-percentiles parameters should sit between \
                            [0.0,100.0]";
                return Err(Reason::Invalid(text));
            }
            percentiles.push(percentile);
        }
    }
    settings.observe.latency_tracking_info_percentiles = percentiles;
    Ok(())
}

/// Six decimals at most, without trailing zeros.
fn percentiles_text(settings: &Settings) -> String {
    let print = |percentile: &f64| {
        let text = format!("{percentile:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let percentiles = &settings.observe.latency_tracking_info_percentiles;
    percentiles.iter().map(print).collect::<Vec<_>>().join(" ")
}

fn set_shutdown(flags: &mut ShutdownFlags, words: &[&str]) -> Result<(), Reason> {
    *flags = ShutdownFlags::parse(&apart(words))?;
    Ok(())
}

fn set_dir(settings: &mut Settings, words: &[&str], _: Mode) -> Result<(), Reason> {
    let path = settings.server.dir.join(words[0]);
    let absolute = path.canonicalize().map_err(|error| Reason::system(&error))?;
    // Looking at `.` inside needs the right to enter it, as using it later will.
    absolute.join(Path::new(".")).metadata().map_err(|error| Reason::system(&error))?;
    settings.server.dir = absolute;
    Ok(())
}
