//! The report: a run as JSON, for plots and comparisons.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::measure::{Curve, Row, Table, Want};

/// The machine and the time of a run, taken when it begins.
pub struct Run {
    begun: String,
    load: String,
}

impl Run {
    pub fn begin() -> Run {
        Run { begun: said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]), load: load() }
    }

    /// Writes the report.
    pub fn write(&self, table: &Table, path: &Path) {
        let rows: Vec<Value> = table.rows.iter().map(row).collect();
        let curves: Vec<Value> = table.curves.iter().map(curve).collect();
        let report = json!({
            "date": self.begun,
            "commit": said("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            "machine": {
                "processor": processor(),
                "cores": std::thread::available_parallelism().map_or(0, usize::from),
                "system": said("uname", &["-sr"]),
                "load before": self.load,
                "load after": load(),
            },
            "rows": rows,
            "curves": curves,
        });
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder for the report");
        }
        let text = serde_json::to_string_pretty(&report).expect("text");
        std::fs::write(path, text + "\n").expect("the report is written");
    }
}

fn row(row: &Row) -> Value {
    let (better, goal) = match row.want {
        Want::AtLeast(least) => ("higher", Some(least)),
        Want::AtMost(most) => ("lower", Some(most)),
        Want::Shown => ("shown", None),
    };
    json!({
        "row": row.row, "work": row.work, "against": row.against, "figure": row.figure,
        "better": better, "goal": goal, "reached": row.reached, "times": row.times,
    })
}

fn curve(curve: &Curve) -> Value {
    json!({ "work": curve.work, "sizes": curve.sizes, "points": curve.points })
}

/// Returns the one, five and fifteen minutes of load.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").to_owned()
}

/// Returns what a program prints, or nothing.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
