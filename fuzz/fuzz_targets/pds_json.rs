#![no_main]

holdall_fuzz::target!("pds_json");
