// Reads a zip in the way that the first argument names and prints for each entry its CRC-32, its length, its
// time and its name.

import java.io.*;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.zip.*;

public class Read {
    static PrintStream out;

    static void tell(String name, boolean folder, long time, InputStream in) throws IOException {
        CRC32 crc = new CRC32();
        byte[] block = new byte[65536];
        long size = 0;
        for (int read; in != null && (read = in.read(block)) > 0; size += read) crc.update(block, 0, read);
        if (folder && !name.endsWith("/")) name += "/";
        out.printf("%d %d %d %s%n", crc.getValue(), size, time, name);
    }

    static long seconds(long millis) {
        return Math.floorDiv(millis, 1000);
    }

    public static void main(String[] args) throws Exception {
        out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        String how = args[0], path = args[1];
        if (how.equals("ZipFile")) {
            try (ZipFile zip = new ZipFile(path)) {
                for (ZipEntry e : Collections.list(zip.entries()))
                    tell(e.getName(), e.isDirectory(), e.getLastModifiedTime().toMillis() / 1000, zip.getInputStream(e));
            }
        } else if (how.equals("ZipInputStream")) {
            try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(path)))) {
                for (ZipEntry e; (e = zip.getNextEntry()) != null; )
                    tell(e.getName(), e.isDirectory(), e.getLastModifiedTime().toMillis() / 1000, zip);
            }
        } else if (how.equals("zipfs")) {
            try (FileSystem zip = FileSystems.newFileSystem(Paths.get(path))) {
                List<Path> found = new ArrayList<>();
                for (Path root : zip.getRootDirectories())
                    try (var walk = Files.walk(root)) {
                        walk.filter(p -> p.getNameCount() > 0).forEach(found::add);
                    }
                for (Path p : found) {
                    boolean folder = Files.isDirectory(p);
                    InputStream in = folder ? null : Files.newInputStream(p);
                    tell(p.toString().substring(1), folder, seconds(Files.getLastModifiedTime(p).toMillis()), in);
                }
            }
        } else {
            Class.forName("Read" + how).getMethod("read", String.class).invoke(null, path);
        }
        out.flush();
    }
}
