//! Timing: works that take turns, medians, and the table of what came out.

use std::fmt::Write;
use std::time::{Duration, Instant};

/// A piece of work that says how long the part of it that counts took.
pub type Work<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// Times a piece of work as a whole.
pub fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}

/// Times work of this thread that waits for nothing, by the processor's time: what others do on the
/// same machine meanwhile does not count.
pub fn busy<T>(work: impl FnOnce() -> T) -> Duration {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let begun = now();
    std::hint::black_box(work());
    now() - begun
}

/// How long each work took in each round.
pub struct Times(Vec<Vec<f64>>);

/// By how many per cent the first work of each measurement is made to take longer: the control of
/// `compare.py`, which must name what got slower.
const SLOWER: &str = "HOLDALL_BENCH_SLOWER";

/// Runs the works in turns, A B C A B C, so that what the machine does meanwhile meets all of them.
pub fn turns(rounds: usize, mut works: Vec<Work<'_>>) -> Times {
    let slower = std::env::var(SLOWER).map_or(0.0, |text| text.parse().expect("per cent"));
    let mut times = vec![Vec::with_capacity(rounds); works.len()];
    for _ in 0..rounds {
        for (index, (work, times)) in works.iter_mut().zip(&mut times).enumerate() {
            let took = work();
            let more = if index == 0 { took.mul_f64(slower / 100.0) } else { Duration::ZERO };
            times.push((took + waste(more)).as_secs_f64());
        }
    }
    Times(times)
}

/// Keeps the processor busy for so long, at least, and returns for how long it did.
fn waste(least: Duration) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < least {
        std::hint::spin_loop();
    }
    if least.is_zero() { Duration::ZERO } else { begun.elapsed() }
}

impl Times {
    /// Returns the median of a work's times, in seconds.
    pub fn median(&self, work: usize) -> f64 {
        median(&self.0[work])
    }

    /// Returns how many times faster `ours` is than `peer`: the median over the rounds.
    pub fn speed(&self, ours: usize, peer: usize) -> f64 {
        let ratios: Vec<f64> =
            self.0[peer].iter().zip(&self.0[ours]).map(|(peer, ours)| peer / ours).collect();
        median(&ratios)
    }

    /// Returns how many times faster `ours` is than `peer` over all rounds together: for what does part of its work
    /// now and then. A checkpoint that comes every third round would be in no median.
    pub fn overall(&self, ours: usize, peer: usize) -> f64 {
        self.mean(peer) / self.mean(ours)
    }

    fn mean(&self, work: usize) -> f64 {
        self.0[work].iter().sum::<f64>() / self.0[work].len() as f64
    }

    /// Returns the medians as text, in the unit that fits `count` operations.
    pub fn each(&self, names: &[&str], count: usize) -> String {
        shown(names, count, |work| self.median(work))
    }

    /// Returns the means as text, in the unit that fits `count` operations.
    pub fn each_overall(&self, names: &[&str], count: usize) -> String {
        shown(names, count, |work| self.mean(work))
    }
}

fn shown(names: &[&str], count: usize, seconds: impl Fn(usize) -> f64) -> String {
    let mut out = String::new();
    for (work, name) in names.iter().enumerate() {
        let comma = if work == 0 { "" } else { ", " };
        let _ = write!(out, "{comma}{name} {}", unit(seconds(work) / count as f64));
    }
    out
}

/// Returns the middle value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Returns seconds as text.
pub fn unit(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s if s >= 1e-6 => format!("{:.2} us", s * 1e6),
        s => format!("{:.0} ns", s * 1e9),
    }
}

/// Which way a figure is good.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    AtLeast(f64),
    AtMost(f64),
    /// Shown and not judged.
    Shown,
}

/// What a row said, for the report.
#[derive(Clone, Debug)]
pub struct Row {
    pub row: String,
    pub work: String,
    pub against: String,
    pub figure: f64,
    pub want: Want,
    pub reached: bool,
    pub times: String,
}

/// What work costs at several sizes.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What is done, and what the sizes count.
    pub work: String,
    pub sizes: &'static str,
    /// A size, and seconds.
    pub points: Vec<(f64, f64)>,
}

/// The table, printed row by row as it comes.
#[derive(Default)]
pub struct Table {
    pub short: usize,
    pub rows: Vec<Row>,
    pub curves: Vec<Curve>,
}

impl Table {
    /// Prints the head.
    pub fn head() {
        println!("| row | work | against | figure | to reach | | times |");
        println!("|---|---|---|---|---|---|---|");
    }

    /// Prints a row and judges it.
    pub fn row(&mut self, row: &str, work: &str, against: &str, figure: f64, want: Want, times: &str) {
        let (reach, reached) = match want {
            Want::AtLeast(least) => (format!(">= {least}"), figure >= least),
            Want::AtMost(most) => (format!("<= {most}"), figure <= most),
            Want::Shown => (String::new(), true),
        };
        let verdict = match (want, reached) {
            (Want::Shown, _) => "",
            (_, true) => "ok",
            (_, false) => "SHORT",
        };
        self.short += usize::from(!reached);
        let shown = if figure.abs() >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
        println!("| {row} | {work} | {against} | {shown} | {reach} | {verdict} | {times} |");
        let own = |text: &str| text.to_owned();
        let (row, work, against, times) = (own(row), own(work), own(against), own(times));
        self.rows.push(Row { row, work, against, figure, want, reached, times });
    }

    /// Prints what work costs at several sizes.
    pub fn curve(&mut self, work: &str, sizes: &'static str, points: Vec<(f64, f64)>) {
        let shown: Vec<String> =
            points.iter().map(|(size, cost)| format!("{size}: {}", unit(*cost))).collect();
        println!("| - | {work} | by {sizes} | | | | {} |", shown.join(", "));
        self.curves.push(Curve { work: work.to_owned(), sizes, points });
    }
}
