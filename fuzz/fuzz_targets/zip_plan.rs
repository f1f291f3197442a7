#![no_main]

holdall_fuzz::target!("zip_plan");
