//! Controls: each fault that was mended is planted again, and the matrix must find it within a bounded
//! number of histories. A fault that is not found says that the matrix looks away.

use holdall::mutant::{Mutant, plant};

use crate::world::Tried;

/// Within so many histories each fault must be found.
const BOUND: u64 = 40;

/// The faults at the border of what one may see, each with what is written of it in the table.
const FAULTS: &[(Mutant, &str)] = &[
    (Mutant::ArchiveOfFirstDrive, "an archive of others' shares was the sharer's"),
    (Mutant::ArchiveBeforeCount, "an archive was made before it was counted"),
    (Mutant::ArchiveById, "an archive was had by its id, past all rights"),
    (Mutant::ArchiveOutlivesSources, "an archive outlived what it was made of"),
    (Mutant::CountedIds, "shares, links and archives were found by counting"),
    (Mutant::ForeignSecretOpensAll, "an imported secret opened what was never imported"),
    (Mutant::FormOutlivesShare, "a Cloudreve URL outlived its share"),
    (Mutant::FormWithoutRevocations, "a Cloudreve URL outlived a revocation"),
    (Mutant::RevokedFolder, "revoking a folder revoked nothing"),
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
    crate::figure("planted fault                                             found by history   by the rule");
    for (fault, name) in FAULTS {
        plant(*fault);
        let found = (1..=BOUND).find_map(|seed| {
            let findings = crate::live(seed, false, &mut Tried::default());
            findings.into_iter().next().map(|finding| (seed, finding.rule))
        });
        match found {
            Some((seed, rule)) => crate::figure(&format!("{name:58}{seed:>8}           {rule}")),
            None => {
                crate::figure(&format!("{name:58}   not in {BOUND}"));
                missed.push(fault);
            }
        }
    }
    assert!(missed.is_empty(), "the matrix does not find {missed:?} within {BOUND} histories");
}
