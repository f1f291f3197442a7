//! A progress bar, on a terminal only.

use holdall::{Progress, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Begins a bar of so many bytes on standard error; on anything but a terminal it shows nothing.
pub(crate) fn bar(len: Option<u64>, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(len, target);
    let template = match len {
        Some(_) => "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta} {wide_msg}",
        None => "{spinner} {bytes} {bytes_per_sec} {wide_msg}",
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Moves a bar as a call says how far it is.
pub(crate) fn follow(bar: &ProgressBar) -> impl FnMut(Progress) -> Result<()> {
    |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        Ok(())
    }
}
