//! Counters, latency histograms and the slow log: where things are counted, not printed.
