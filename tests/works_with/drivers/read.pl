# Reads a zip with Archive::Zip and prints for each entry its CRC-32, its length, its time and its name.
use strict; use warnings;
use Archive::Zip qw(:ERROR_CODES);
my $zip = Archive::Zip->new();
die "cannot open\n" unless $zip->read($ARGV[0]) == AZ_OK;
for my $member ($zip->members()) {
    my $content = $member->isDirectory() ? '' : $member->contents();
    my $crc = Archive::Zip::computeCRC32($content);
    printf "%u %d %d %s\n", $crc, length($content), $member->lastModTime(), $member->fileName();
}
