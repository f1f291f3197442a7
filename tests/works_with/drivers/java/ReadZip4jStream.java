import java.io.*;
import net.lingala.zip4j.io.inputstream.ZipInputStream;
import net.lingala.zip4j.model.LocalFileHeader;

public class ReadZip4jStream {
    public static void read(String path) throws Exception {
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(path)))) {
            for (LocalFileHeader e; (e = zip.getNextEntry()) != null; )
                Read.tell(e.getFileName(), e.isDirectory(), Read.seconds(e.getLastModifiedTimeEpoch()), zip);
        }
    }
}
