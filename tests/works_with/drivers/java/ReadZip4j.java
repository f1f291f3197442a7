import java.io.InputStream;
import net.lingala.zip4j.ZipFile;
import net.lingala.zip4j.model.FileHeader;

public class ReadZip4j {
    public static void read(String path) throws Exception {
        try (ZipFile zip = new ZipFile(path)) {
            for (FileHeader e : zip.getFileHeaders())
                try (InputStream in = zip.getInputStream(e)) {
                    Read.tell(e.getFileName(), e.isDirectory(), Read.seconds(e.getLastModifiedTimeEpoch()), in);
                }
        }
    }
}
