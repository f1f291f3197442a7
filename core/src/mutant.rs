//! Faults that were mended, kept so that a test can plant them again and must find them.
//!
//! Code that mends a fault asks [`is_active`] and, where it is, does as it did before. Without the
//! feature `sim` nothing is ever active, and the compiler drops the old code.

/// A fault that can be planted again. Each says what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(not(feature = "sim"), allow(dead_code))]
#[repr(u8)]
pub enum Mutant {
    /// None: the code as it is.
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    None,
    /// What is known of a folder is found by what a client wrote before the last name: with a slash
    /// behind that, the root's.
    FolderByText,
    /// A copy with all versions takes those that were put after it began, over its own.
    CopyTakesLater,
    /// The sweep unlinks the file of a blob whose row was committed since it looked.
    SweepLooksOnce,
    /// Of two groups of one number a rebuild may choose the one that was never published: what a
    /// process that died has left behind the end of its segment stays there.
    UnpublishedGroupsStay,
    /// A refused put comes back: an append that failed leaves its frames, which may be whole.
    FailedAppendStays,
    /// Damage in the middle of the log is taken for its torn end, and sound groups behind it are lost.
    DecayIsATornEnd,
    /// A rebuild that was cut off leaves large files that no row speaks of to the next collection:
    /// it sets them aside only when the new rows are in their place.
    RebuildSetsAsideLast,
    /// A rebuild skips fewer ids than the lost part of a log may have given out.
    RebuildSkipsOneBlock,
    /// Change frames never count as dead: the log of a store whose data stays the same grows for ever.
    LogOnlyGrows,
    /// On a nearly full disk a segment grows by its usual step or not at all, and puts take the last
    /// room, so that nothing can be removed any more.
    FullDiskEndsAll,
    /// One open segment with a damaged header makes every write of a new session fail.
    DamagedHeaderRefusesWrites,
    /// A segment that is taken over is appended to where it ended before the writer of the rows began,
    /// which may have published a group of a process that died.
    TailBeforeWriter,
    /// An exclusive opening beside processes in shared mode learned of them from the index alone, and
    /// their readers meanwhile got the error that it is damaged.
    ModesMeetInTheIndex,
    /// The entity tag of a content was the same under every media type.
    TypeOutsideTag,
    /// A URL that follows its file said of its date what the caller had said of the content's age.
    DateOfContent,
    /// Every name behind the token of a URL was good.
    AnyName,
    /// HEAD and a look at what a URL permits did not ask whether its uses are used up.
    UsedUpLooksAlive,
    /// A use limit counted requests: a download that was cut could not go on.
    CutDownloadsAreLost,
    /// A use had no budget: who shared an address had the content any number of times.
    UsesWithoutBudget,
    /// What a backup that came to no end has left in a copy stays beside the copy's own segments.
    ForeignSegmentsStay,
    /// What a backup that was interrupted has put behind the ends of an earlier copy's segments stays there.
    ForeignTailsStay,
    /// The first group of an exclusive session in a copy is acknowledged before its rows say that the copy was
    /// written to.
    CopyTurnsUnsynced,
    /// A change whose group is durable is refused as if it did not hold, when the checkpoint behind it fails.
    FailedCheckpointsRefuse,
    /// The log that a copy has beyond its rows is replayed, as that of a session that died in it.
    CopiesAreReplayed,
    /// An exclusive session that wrote nothing appends its end to the log: in a copy, to the one that the next
    /// backup replaces.
    QuietEndIsLogged,
    /// A backup beside a compaction leaves of a removed segment what an earlier backup had of it.
    StaleSegmentsStay,
    /// A backup goes on where the segment of an earlier copy ends, which one that was cut off may have left torn.
    CutCopiesAreTrusted,
    /// A segment without a row is a failure to a compaction: one that was just made, or that another
    /// compaction removed.
    SegmentsNeedRows,
    /// The parts of an upload that became a version's are removed without the grace.
    PartsGoAtOnce,
    /// A use-limited URL whose row was swept can be used again when the clock is set back.
    SweptUsesReturn,
    /// Each content of a batch that gets a file of its own keeps it open until the group.
    BatchKeepsFilesOpen,
    /// A backup compares the numbers of the last groups alone with those of the copy.
    BackupLooksAtNumbers,
    /// A store restored from a backup gives out again the ids that were given out since.
    RestoredIdsRepeat,
    /// Counters of revocations begin at 0 in every timeline.
    NoTags,
    /// An opening beside the close of the last handle in another thread did not wait for it, and
    /// failed: "open in another process".
    OpenBesideClose,
    /// A check took whatever error a read met for damage, and a repair set sound content aside when
    /// descriptors were short.
    UnreadIsDamaged,
    /// A close looked up where the members of archives under way lie, and opened none of it: a
    /// compaction by another process then cut those archives off.
    ClosePinsNothing,
    /// An archive was of the drive of the first thing in it, and knew of one share at most: the owner
    /// of that drive got the others' files by its id, and it outlived the shares.
    ArchiveOfFirstDrive,
    /// Content of any drive was given for its hash and eight bytes, or as many as there are, at a place
    /// that the client's own token decides.
    ClaimsAcrossDrives,
    /// Wrong proofs of content could be tried without end.
    ProofsWithoutLimit,
    /// A share that could be listed gave the hashes of what could not be downloaded from it.
    HashesWithoutDownload,
    /// Moves, copies, what comes back from the trash, and what is made in a folder by its id could lie
    /// deeper than any path.
    MovesPassTheDepth,
    /// Each part of an upload could be as long as the whole was said to be.
    PartsPassTheSize,
    /// A completion put the parts together before it looked whether they are what was said, and every one
    /// that ran beside it did so again.
    CompletesBeforeLooking,
    /// Passwords of shares could be tried without end.
    PasswordsWithoutLimit,
    /// A caller whom nobody knows made archives, which take room in the store, unless the host said no.
    AnonymousArchives,
    /// An archive was published without counting against its shares.
    ArchiveBeforeCount,
    /// Who knew an archive's id got its URL in PDS, whoever made it and whatever his group may do.
    ArchiveById,
    /// An archive went on serving what was revoked after it was made.
    ArchiveOutlivesSources,
    /// Archives, shares and direct links were numbered, and whoever counted found them.
    CountedIds,
    /// The secret of another system opened versions and archives that never came from there.
    ForeignSecretOpensAll,
    /// A URL of the Cloudreve form outlived the share or direct link that it was given through.
    FormOutlivesShare,
    /// A URL of the Cloudreve form outlived the revocation of what it leads to.
    FormWithoutRevocations,
    /// The grace was each process's own: one with a shorter one collected what another had promised to keep.
    GraceOfTheProcess,
    /// The grace counted from before the change that let go of the content waited for its group.
    GraceFromTheCall,
    /// `revoke` of a folder said that it was done, and every URL of what lies in it went on.
    RevokedFolder,
    /// A client had as many passwords checked as it knew shares, right ones without end.
    PasswordsOfManyShares,
    /// A commit to a database in which the connection is lost is taken for done.
    LostCommitHolds,
    /// One in which the connection is lost is taken for not done, and made again.
    LostCommitFails,
    /// One whose outcome is looked for and not found is not made void, and can still take effect.
    LostCommitStaysValid,
    /// A commit to a database goes by the rows of ranges that it has read, whatever they are by then.
    RangesUnguarded,
    /// A commit to a database checks only the rows that it also writes.
    ReadsUnguarded,
    /// A commit to a database deletes rows that others have changed since it has read them.
    DeletesUnguarded,
    /// Rows of a database are read that are older than the options allow.
    ViewsStay,
    /// A connection whose transaction has failed to read in time is used again, and goes on in it.
    FailedReadsAreReused,
    /// A process does not see what it has committed to a database until it reads anew.
    OwnCommitsUnseen,
    /// Objects that no row speaks of are swept however young they are.
    SweepOfAnyAge,
    /// What was swept can be committed by a process that was held up.
    SweptIsCommitted,
    /// The rows of a group are committed though its contents could not be written.
    RowsBeforeObjects,
    /// An object of which it is said that it exists is taken for what was to be written.
    ExistingIsOurs,
    /// Of two contents whose hashes begin alike, the one is taken for the other.
    PrefixesAreHashes,
    /// A put took a blob for its content by the hash that the blob's row has, though the bytes were damaged since.
    HashesAreTrusted,
}

#[cfg(feature = "sim")]
static ACTIVE: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Plants a fault for the whole process, in place of the one that was planted before. Tests that
/// do so run one at a time.
#[cfg(feature = "sim")]
pub fn plant(mutant: Mutant) {
    ACTIVE.store(mutant as u8, std::sync::atomic::Ordering::SeqCst);
}

/// Whether a fault is planted.
#[cfg(feature = "sim")]
pub(crate) fn is_active(mutant: Mutant) -> bool {
    ACTIVE.load(std::sync::atomic::Ordering::Relaxed) == mutant as u8
}

/// Whether a fault is planted: never in this build.
#[cfg(not(feature = "sim"))]
pub(crate) const fn is_active(_: Mutant) -> bool {
    false
}
