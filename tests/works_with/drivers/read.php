<?php
// Reads a zip with ZipArchive and prints for each entry its CRC-32, its length, its time and its name.
$zip = new ZipArchive();
if ($zip->open($argv[1], ZipArchive::CHECKCONS) !== true) { fwrite(STDERR, "cannot open\n"); exit(1); }
for ($i = 0; $i < $zip->numFiles; $i++) {
    $stat = $zip->statIndex($i);
    $content = $zip->getFromIndex($i);
    printf("%u %d %d %s\n", crc32($content), strlen($content), $stat['mtime'], $stat['name']);
}
