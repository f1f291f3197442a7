import java.io.*;
import java.util.*;
import org.apache.commons.compress.archivers.zip.*;

public class ReadCommons {
    public static void read(String path) throws Exception {
        try (ZipFile zip = ZipFile.builder().setFile(new File(path)).get()) {
            for (ZipArchiveEntry e : Collections.list(zip.getEntries()))
                Read.tell(e.getName(), e.isDirectory(), Read.seconds(e.getLastModifiedTime().toMillis()), zip.getInputStream(e));
        }
    }
}
