//! LATENCY: events that took long, and how long commands take. From any shard.

use super::verbs::Asked;
use crate::base::clock;
use crate::command::error::CommandError;
use crate::command::table::{Command, table};
use crate::resp::reply::Reply;

/// `LATENCY DOCTOR | GRAPH | HISTOGRAM | HISTORY | LATEST | RESET`
pub fn latency(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let environment = &asked.process.shared.environment;
    let monitor = &environment.latency;
    let now_s = clock::wall().as_secs();
    match asked.command.spec.name {
        "latest" => {
            let latest = monitor.latest();
            reply.array(latest.len());
            for event in latest {
                reply.array(4);
                reply.bulk(event.name.as_bytes());
                reply.integer(event.sample.time_s as i64);
                reply.integer(event.sample.latency_ms as i64);
                reply.integer(event.max_ms as i64);
            }
        }
        "history" => {
            let samples = monitor.history(asked.args.get(2));
            reply.array(samples.len());
            for sample in samples {
                reply.array(2);
                reply.integer(sample.time_s as i64);
                reply.integer(sample.latency_ms as i64);
            }
        }
        "graph" => match monitor.graph(asked.args.get(2), now_s) {
            Some(graph) => reply.verbatim("txt", graph.as_bytes()),
            None => return Err(no_samples(asked.args.get(2))),
        },
        "doctor" => {
            let threshold = environment.config.load().observe.latency_monitor_threshold;
            let text = monitor.doctor(now_s, u64::try_from(threshold).unwrap_or(0));
            reply.verbatim("txt", text.as_bytes());
        }
        "reset" => {
            let names: Vec<&[u8]> = asked.args.iter().skip(2).collect();
            reply.integer(monitor.reset(names.into_iter()) as i64);
        }
        _ => histogram(asked, reply),
    }
    Ok(())
}

fn no_samples(event: &[u8]) -> CommandError {
    CommandError::quoting("ERR No samples available for event '", event, "'")
}

fn histogram(asked: &Asked<'_>, reply: &mut Reply) {
    let commands: Vec<&Command> = match asked.args.len() {
        2 => table().all().to_vec(),
        _ => asked.args.iter().skip(2).filter_map(|name| table().find_full(name)).fold(
            Vec::new(),
            |mut commands, command| {
                commands.push(command);
                commands.extend(command.subcommands.iter().copied());
                commands
            },
        ),
    };
    let slot = reply.open_array();
    let mut count = 0;
    let process = asked.process;
    for command in commands {
        let total = process.statistics.command(&process.shared.environment, command.index);
        let Some(cells) = total.histogram.filter(|cells| cells.count() > 0) else { continue };
        count += 1;
        reply.bulk(command.full_name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(cells.count() as i64);
        reply.bulk(b"histogram_usec");
        let pairs = cells.doubling();
        reply.map(pairs.len());
        for (bound_us, calls) in pairs {
            reply.integer(bound_us as i64);
            reply.integer(calls as i64);
        }
    }
    reply.close_map(slot, count);
}
