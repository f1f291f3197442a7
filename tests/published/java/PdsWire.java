import com.aliyun.pds20220301.Client;
import com.aliyun.pds20220301.models.*;
import com.aliyun.tea.TeaException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;

/** Calls a server by Alibaba's SDK of PDS for Java, as a client of it does, and looks at each answer. */
public final class PdsWire {
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static void check(boolean ok, Object told) {
        if (!ok) throw new AssertionError(String.valueOf(told));
    }

    private static Client client(String address, String token) throws Exception {
        com.aliyun.credentials.models.Config bearer = new com.aliyun.credentials.models.Config();
        bearer.type = "bearer";
        bearer.bearerToken = token;
        com.aliyun.teaopenapi.models.Config config = new com.aliyun.teaopenapi.models.Config();
        config.credential = new com.aliyun.credentials.Client(bearer);
        config.endpoint = address;
        config.protocol = "http";
        return new Client(config);
    }

    /** The code that a call is refused with. */
    private static String refused(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (TeaException error) {
            return error.getCode();
        }
        throw new AssertionError("the call was to be refused");
    }

    private static HttpResponse<byte[]> fetch(String method, String url, byte[] data, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
            .method(method, data == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(data));
        for (int at = 0; at < headers.length; at += 2) request.header(headers[at], headers[at + 1]);
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    /** CRC-64/XZ. */
    private static String crc(byte[] data) {
        long crc = -1;
        for (byte one : data) {
            crc ^= one & 0xff;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >>> 1) ^ 0xC96C5795D7870F42L : crc >>> 1;
        }
        return Long.toUnsignedString(~crc);
    }

    private static File upload(Client client, String drive, String name, byte[] data, int part) throws Exception {
        CreateFileRequest asked = new CreateFileRequest();
        asked.driveId = drive;
        asked.parentFileId = "root";
        asked.type = "file";
        asked.contentType = "application/octet-stream";
        asked.name = name;
        asked.size = (long) data.length;
        asked.partInfoList = new ArrayList<>();
        int count = Math.max(1, (data.length + part - 1) / part);
        for (int number = 1; number <= count; number++) {
            CreateFileRequest.CreateFileRequestPartInfoList info = new CreateFileRequest.CreateFileRequestPartInfoList();
            info.partNumber = number;
            asked.partInfoList.add(info);
        }
        CreateFileResponseBody made = client.createFile(asked).body;
        check(made.partInfoList.size() == count, made.partInfoList);
        for (int number = 0; number < count; number++) {
            byte[] piece = Arrays.copyOfRange(data, number * part, Math.min(data.length, (number + 1) * part));
            HttpResponse<byte[]> reply = fetch("PUT", made.partInfoList.get(number).uploadUrl, piece);
            check(reply.statusCode() == 200, reply);
            check(reply.headers().firstValue("x-oss-hash-crc64ecma").orElse("").equals(crc(piece)), reply.headers());
        }
        CompleteFileRequest end = new CompleteFileRequest();
        end.driveId = drive;
        end.fileId = made.fileId;
        end.uploadId = made.uploadId;
        end.crc64Hash = crc(data);
        return client.completeFile(end).body;
    }

    private static GetDownloadUrlRequest download(String drive, String file) {
        GetDownloadUrlRequest asked = new GetDownloadUrlRequest();
        asked.driveId = drive;
        asked.fileId = file;
        asked.fileName = "n.bin";
        asked.expireSec = 100;
        return asked;
    }

    private static GetFileRequest named(String drive, String file) {
        GetFileRequest asked = new GetFileRequest();
        asked.driveId = drive;
        asked.fileId = file;
        return asked;
    }

    public static void main(String[] args) throws Exception {
        Client client = client(args[0], args[1]);
        Client other = client(args[0], args[2]);
        String drive = client.getDefaultDrive(new GetDefaultDriveRequest()).body.driveId;

        // Uploads and downloads: the hashes agree.
        for (int length : new int[] {0, 1, 1000, 65536, 3 << 20}) {
            byte[] data = new byte[length];
            new java.util.Random(length).nextBytes(data);
            File file = upload(client, drive, "java-" + length + ".bin", data, 1 << 20);
            check(file.size == length && file.crc64Hash.equals(crc(data)), file.crc64Hash);
            String sha1 = HexFormat.of().withUpperCase().formatHex(MessageDigest.getInstance("SHA-1").digest(data));
            check(file.contentHash.equals(sha1), file.contentHash);
            GetDownloadUrlResponseBody told = client.getDownloadUrl(download(drive, file.fileId)).body;
            HttpResponse<byte[]> reply = fetch("GET", told.url, null);
            check(reply.statusCode() == 200 && Arrays.equals(reply.body(), data), reply);
            check(reply.headers().firstValue("Content-Disposition").orElse("").contains("n.bin"), reply.headers());
            check(told.size == length, told.size);
            if (length > 10) {
                reply = fetch("GET", told.url, null, "Range", "bytes=5-9");
                check(reply.statusCode() == 206 && Arrays.equals(reply.body(), Arrays.copyOfRange(data, 5, 10)), reply);
            }
        }

        // Lists by pages, gets, and finds nothing that is not there.
        String file = upload(client, drive, "java-listed.txt", "hello".getBytes(), 10).fileId;
        TreeSet<String> names = new TreeSet<>();
        String marker = null;
        do {
            ListFileRequest asked = new ListFileRequest();
            asked.driveId = drive;
            asked.parentFileId = "root";
            asked.limit = 2;
            asked.marker = marker;
            ListFileResponseBody page = client.listFile(asked).body;
            for (File item : page.items) check(names.add(item.name), item.name);
            marker = page.nextMarker;
        } while (marker != null && !marker.isEmpty());
        check(names.contains("java-listed.txt") && names.contains("java-0.bin"), names);
        check(client.getFile(named(drive, file)).body.name.equals("java-listed.txt"), file);
        check(refused(() -> client.getFile(named(drive, "nothing"))).equals("NotFound.FileId"), "nothing");

        // The trash, and the end.
        String url = client.getDownloadUrl(download(drive, file)).body.url;
        TrashFileRequest trash = new TrashFileRequest();
        trash.driveId = drive;
        trash.fileId = file;
        client.trashFile(trash);
        String code = refused(() -> client.getDownloadUrl(download(drive, file)));
        check(code.equals("ForbiddenFileInTheRecycleBin"), code);
        check(fetch("GET", url, null).statusCode() == 410, url);
        RestoreFileRequest restore = new RestoreFileRequest();
        restore.driveId = drive;
        restore.fileId = file;
        client.restoreFile(restore);
        check(new String(fetch("GET", url, null).body()).equals("hello"), url);

        // An archive.
        ArchiveFilesRequest archive = new ArchiveFilesRequest();
        archive.driveId = drive;
        archive.fileIds = List.of(file);
        archive.name = "z";
        GetAsyncTaskRequest task = new GetAsyncTaskRequest();
        task.asyncTaskId = client.archiveFiles(archive).body.asyncTaskId;
        GetAsyncTaskResponseBody done = client.getAsyncTask(task).body;
        check(done.state.equals("Succeed"), done.state);
        check(new String(fetch("GET", done.url, null).body(), 0, 2).equals("PK"), done.url);

        // Nobody reaches another's drive.
        check(refused(() -> other.getDownloadUrl(download(drive, file))).equals("ForbiddenNoPermission"), "other");
        Client nobody = client(args[0], "a-token-that-nobody-has");
        code = refused(() -> nobody.getDefaultDrive(new GetDefaultDriveRequest()));
        check(code.equals("AccessTokenInvalid"), code);
        DeleteFileRequest delete = new DeleteFileRequest();
        delete.driveId = drive;
        delete.fileId = file;
        client.deleteFile(delete);
        check(refused(() -> client.getFile(named(drive, file))).equals("NotFound.FileId"), "deleted");
        System.out.println("ok");
    }
}
