import java.io.*;
import org.apache.commons.compress.archivers.zip.*;

public class ReadCommonsStream {
    public static void read(String path) throws Exception {
        try (var zip = new ZipArchiveInputStream(new BufferedInputStream(new FileInputStream(path)))) {
            for (ZipArchiveEntry e; (e = zip.getNextEntry()) != null; )
                Read.tell(e.getName(), e.isDirectory(), Read.seconds(e.getLastModifiedTime().toMillis()), zip);
        }
    }
}
