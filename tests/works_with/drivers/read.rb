# Reads a zip with rubyzip and prints for each entry its CRC-32, its length, its time and its name.
require 'zip'
Zip::File.open(ARGV[0]) do |zip|
  zip.each do |entry|
    content = entry.directory? ? '' : entry.get_input_stream.read
    puts "#{Zlib.crc32(content)} #{content.bytesize} #{entry.time.to_i} #{entry.name.dup.force_encoding('UTF-8')}"
  end
end
