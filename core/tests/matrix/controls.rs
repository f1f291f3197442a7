//! Controls: each fault that was mended is planted again, and the matrix must find it within a bounded
//! number of histories. A fault that is not found says that the matrix looks away.

use std::collections::BTreeSet;

use holdall::mutant::{Mutant, plant};

use crate::world::Tried;

/// Within so many histories each fault must be found.
const BOUND: u64 = 40;

/// The faults at the border of what one may see: the kind, which counts as they do that were found by a
/// hostile reading of 8534d0a, and what was wrong, as it stands in the table.
///
/// Those of the import (7) are not among them: a server's folder of uploads is beside the store, and no
/// call reaches it. `import/src/controls.rs` plants them.
const FAULTS: &[(u8, Mutant, &str)] = &[
    (2, Mutant::ArchiveOfFirstDrive, "an archive of others' shares was the sharer's"),
    (2, Mutant::ArchiveOutlivesSources, "an archive outlived what it was made of"),
    (3, Mutant::ArchiveBeforeCount, "an archive was made before it was counted"),
    (3, Mutant::ArchiveById, "an archive was had by its id, past all rights"),
    (4, Mutant::CountedIds, "shares, links and archives were found by counting"),
    (5, Mutant::HashesWithoutDownload, "a share without download told hashes"),
    (5, Mutant::ClaimsAcrossDrives, "a guess gave the content of another drive"),
    (6, Mutant::ForeignSecretOpensAll, "an imported secret opened what was never imported"),
    (8, Mutant::FormOutlivesShare, "a Cloudreve URL outlived its share"),
    (8, Mutant::FormWithoutRevocations, "a Cloudreve URL outlived a revocation"),
    (8, Mutant::RevokedFolder, "revoking a folder revoked nothing"),
    (13, Mutant::AnonymousArchives, "whoever nobody knows made archives"),
];

/// Takes the fault out again, also when a history ends in a panic.
struct Planted;

impl Drop for Planted {
    fn drop(&mut self) {
        plant(Mutant::None);
    }
}

#[test]
fn every_planted_fault_is_found() {
    let _alone = crate::alone();
    let _planted = Planted;
    let mut missed = Vec::new();
    crate::figure(
        "kind  planted fault                                           found by history   by the rule",
    );
    let mut sound = BTreeSet::new();
    for (kind, fault, name) in FAULTS {
        let found = (1..=BOUND).find_map(|seed| {
            plant(*fault);
            let findings = crate::live(seed, false, &mut Tried::default());
            let first = findings.into_iter().next()?;
            // What is found without the fault too is not the fault.
            plant(Mutant::None);
            if sound.insert(seed) {
                let without = crate::live(seed, false, &mut Tried::default());
                assert!(without.is_empty(), "seed {seed} finds without a fault: {}", without[0].rule);
            }
            Some((seed, first.rule))
        });
        match found {
            Some((seed, rule)) => crate::figure(&format!("{kind:>4}  {name:56}{seed:>8}           {rule}")),
            None => {
                crate::figure(&format!("{kind:>4}  {name:56}   not in {BOUND}"));
                missed.push(fault);
            }
        }
    }
    assert!(missed.is_empty(), "the matrix does not find {missed:?} within {BOUND} histories");
}
