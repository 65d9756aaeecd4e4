//! Prints what `load` measured. Pure.

use std::fmt::Write;

use super::generator::engine::{self, Outcome};

/// The outcome of several engines that ran side by side: counts add up, the longest time counts.
pub fn sum(outcomes: Vec<Outcome>) -> Outcome {
    let mut total = Outcome {
        operations: 0,
        elapsed: Default::default(),
        latency: engine::latency_histogram(),
        errors: 0,
        nulls: 0,
        first_error: None,
    };
    for outcome in outcomes {
        total.operations += outcome.operations;
        total.elapsed = total.elapsed.max(outcome.elapsed);
        total.latency.add(&outcome.latency).expect("both histograms have the same bounds");
        total.errors += outcome.errors;
        total.nulls += outcome.nulls;
        total.first_error = total.first_error.or(outcome.first_error);
    }
    total
}

/// Text for people, or one JSON object. Latencies in microseconds.
pub fn render(outcome: &Outcome, json: bool) -> String {
    let per_second = outcome.per_second();
    let seconds = outcome.elapsed.as_secs_f64();
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let percentiles = PERCENTILES
        .map(|(name, percent)| (name, micros(outcome.latency.value_at_percentile(percent))));
    let mean = outcome.latency.mean() / 1000.0;
    let mut text = String::new();
    if json {
        let _ = write!(
            text,
            "{{\"operations\":{},\"seconds\":{seconds:.6},\"per_second\":{per_second:.1},\
             \"errors\":{},\"nulls\":{},\"mean_us\":{mean:.3}",
            outcome.operations, outcome.errors, outcome.nulls
        );
        for (name, value) in percentiles {
            let _ = write!(text, ",\"{name}_us\":{value:.3}");
        }
        text.push('}');
        return text;
    }
    let _ = writeln!(
        text,
        "{} requests in {seconds:.2} s: {per_second:.0} a second",
        outcome.operations
    );
    let _ = write!(text, "latency in microseconds: mean {mean:.1}");
    for (name, value) in percentiles {
        let _ = write!(text, ", {name} {value:.1}");
    }
    if outcome.nulls > 0 {
        let _ = write!(text, "\n{} replies were null", outcome.nulls);
    }
    if let Some(error) = &outcome.first_error {
        let _ = write!(text, "\n{} replies were errors, the first: {error}", outcome.errors);
    }
    text
}

const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("p99_9", 99.9),
    ("p99_99", 99.99),
    ("max", 100.0),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_forms_carry_the_figures() {
        let mut outcome = sum(Vec::new());
        outcome.operations = 500;
        outcome.elapsed = Duration::from_millis(250);
        outcome.latency.record_n(80_000, 500).unwrap();
        outcome.errors = 1;
        outcome.first_error = Some("ERR no".to_owned());
        let total = sum(vec![outcome, sum(Vec::new())]);
        let text = render(&total, false);
        assert!(text.starts_with("500 requests in 0.25 s: 2000 a second\n"), "{text}");
        assert!(text.ends_with("1 replies were errors, the first: ERR no"), "{text}");
        let json = render(&total, true);
        assert!(json.starts_with("{\"operations\":500,\"seconds\":0.250000,\"per_second\":2000.0"));
        assert!(json.contains("\"p99_us\":80."), "{json}");
    }
}
