import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Executors;

/**
 * A server on the JDK's own: {@code Server STORE [PORT]} serves every URL of a store, and takes {@code PUT
 * /upload/PATH}. {@code -Dholdall=} names the library; where {@code size_t} is 64 bits wide.
 */
public final class Server {
    private static final int OK = 0;
    private static final int NONE = 0; // HOLDALL_BODY_*
    private static final int MEMORY = 1;
    private static final int ROOM = 64 << 10;

    /** What is used of the library. A call blocks its thread, so {@code holdall_last_error} is that of the call. */
    interface Holdall extends Library {
        String holdall_last_error();
        int holdall_code_status(int code);
        int holdall_open(byte[] path, long len, Pointer options, PointerByReference store);
        int holdall_store_close(Pointer store);
        int holdall_store_free(Pointer store);
        int holdall_drive_open(Pointer store, byte[] name, long len, PointerByReference drive);
        int holdall_drive_free(Pointer drive);
        int holdall_writer_open(Pointer drive, byte[] path, long len, PutOptions options, PointerByReference writer);
        int holdall_writer_write(Pointer writer, byte[] data, long len);
        int holdall_writer_commit(Pointer writer, Version version);
        int holdall_writer_free(Pointer writer);
        int holdall_url_version(Pointer store, long id, Pointer options, PointerByReference url);
        Pointer holdall_text_get(Pointer text);
        int holdall_text_free(Pointer text);
        int holdall_serve_text(Pointer store, byte[] method, long methodLen, byte[] target, long targetLen,
            byte[] headers, long headersLen, byte[] client, long clientLen, Answer answer);
        int holdall_body_read(Pointer body, long offset, byte[] buffer, long room, LongByReference got);
        int holdall_body_free(Pointer body);
    }

    /** A record begins with its size. */
    public abstract static class Sized extends Structure {
        public long size;

        @Override
        public void write() { // before a call
            size = size();
            super.write();
        }
    }

    @FieldOrder({"size", "expect", "expectedVersion", "mediaType", "mediaTypeLen", "modified", "len", "sha1", "blake3",
        "progress", "progressContext", "executable"})
    public static final class PutOptions extends Sized {
        public int expect;
        public long expectedVersion;
        public Pointer mediaType;
        public long mediaTypeLen;
        public Pointer modified;
        public LongByReference len;
        public Pointer sha1;
        public Pointer blake3;
        public Pointer progress;
        public Pointer progressContext;
        public byte executable;
    }

    @FieldOrder({"size", "id", "file", "len", "crc64", "created", "modified", "crc32", "sha1", "blake3", "keep",
        "current", "mediaType", "executable"})
    public static final class Version extends Sized {
        public long id;
        public long file;
        public long len;
        public long crc64;
        public long created;
        public long modified;
        public int crc32;
        public byte[] sha1 = new byte[20];
        public byte[] blake3 = new byte[32];
        public byte keep;
        public byte current;
        public byte[] mediaType = new byte[256];
        public byte executable;
    }

    @FieldOrder({"size", "status", "kind", "len", "data", "body", "pace", "code", "error", "headers"})
    public static final class Answer extends Sized {
        public int status;
        public int kind;
        public long len;
        public Pointer data;
        public Pointer body;
        public long pace;
        public int code;
        public byte[] error = new byte[1024];
        public byte[] headers = new byte[8192];
    }

    /** What a call failed with, and the status that tells a client. */
    static final class Failed extends Exception {
        private static final long serialVersionUID = 1;

        final int status;

        Failed(int code) {
            super(C.holdall_last_error());
            status = C.holdall_code_status(code);
        }
    }

    private static final Holdall C = Native.load(System.getProperty("holdall", "holdall"), Holdall.class);

    private final Pointer store;
    private final Pointer drive;

    Server(String path, String drive) throws Failed {
        PointerByReference made = new PointerByReference();
        check(C.holdall_open(text(path), text(path).length, null, made));
        store = made.getValue();
        check(C.holdall_drive_open(store, text(drive), text(drive).length, made));
        this.drive = made.getValue();
    }

    private static void check(int code) throws Failed {
        if (code != OK) throw new Failed(code);
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    int close() {
        C.holdall_drive_free(drive);
        int code = C.holdall_store_close(store);
        C.holdall_store_free(store);
        return code;
    }

    /** What is thrown here closes the connection, so that half a body never looks whole. */
    void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        boolean put = exchange.getRequestMethod().equals("PUT") && path != null && path.startsWith("/upload/");
        try (exchange) {
            if (put) upload(exchange, path.substring("/upload/".length()));
            else download(exchange);
        } catch (RuntimeException error) { // which the server would not log
            error.printStackTrace();
            throw error;
        }
    }

    private void download(HttpExchange exchange) throws IOException {
        StringBuilder sent = new StringBuilder();
        exchange.getRequestHeaders().forEach((name, values) ->
            values.forEach(value -> sent.append(name).append(": ").append(value).append("\r\n")));
        byte[] method = text(exchange.getRequestMethod());
        byte[] target = text(exchange.getRequestURI().toString()); // not decoded
        byte[] headers = text(sent.toString());
        byte[] client = text(exchange.getRemoteAddress().getAddress().getHostAddress());
        Answer answer = new Answer();
        int code = C.holdall_serve_text(store, method, method.length, target, target.length, headers, headers.length,
            client, client.length, answer);
        if (code != OK) {
            reply(exchange, C.holdall_code_status(code), "The request cannot be read.\n");
            return;
        }
        try {
            if (answer.code != OK) System.err.println(Native.toString(answer.error));
            for (String line : Native.toString(answer.headers).split("\r\n")) {
                String[] field = line.split(": ", 2);
                exchange.getResponseHeaders().add(field[0], field.length > 1 ? field[1] : "");
            }
            exchange.sendResponseHeaders(answer.status, answer.kind == NONE || answer.len == 0 ? -1 : answer.len);
            if (answer.kind != NONE) send(answer, exchange.getResponseBody());
        } finally {
            C.holdall_body_free(answer.body);
        }
    }

    private static void send(Answer answer, OutputStream out) throws IOException {
        if (answer.kind == MEMORY) {
            out.write(answer.data.getByteArray(0, (int) answer.len));
            return;
        }
        byte[] buffer = new byte[ROOM];
        LongByReference got = new LongByReference();
        for (long at = 0; at < answer.len; at += got.getValue()) {
            if (C.holdall_body_read(answer.body, at, buffer, buffer.length, got) != OK)
                throw new IOException(C.holdall_last_error());
            out.write(buffer, 0, (int) got.getValue());
        }
    }

    private static final List<String> PASSED_ON =
        List.of("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP");

    /**
     * Whether a request was made on this machine, by no page of another site and through no proxy: any page can have a browser
     * send here. A server that others reach has to know who sends.
     */
    private static boolean isFromHere(Headers sent) {
        String host = sent.getFirst("Host"), origin = sent.getFirst("Origin");
        boolean local = host != null && (host.startsWith("127.0.0.1:") || host.startsWith("localhost:"));
        return local && (origin == null || origin.equals("http://" + host))
            && PASSED_ON.stream().noneMatch(sent::containsKey);
    }

    private void upload(HttpExchange exchange, String path) throws IOException {
        if (!isFromHere(exchange.getRequestHeaders())) {
            reply(exchange, 403, "uploads are taken from this machine alone, and from no page of another site\n");
            return;
        }
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        try {
            String url = put(path, length, exchange.getRequestBody());
            reply(exchange, 201, url + "\n");
        } catch (Failed failed) {
            if (failed.status >= 500) System.err.println(failed.getMessage());
            reply(exchange, failed.status, failed.status < 500 ? failed.getMessage() + "\n" : "It was not stored.\n");
        }
    }

    /** Puts a body and returns a URL. What is not committed leaves nothing behind. */
    private String put(String path, String length, InputStream body) throws IOException, Failed {
        PutOptions options = new PutOptions(); // the length: a body that is cut ends here without an error
        options.len = length == null ? null : new LongByReference(Long.parseLong(length));
        PointerByReference made = new PointerByReference();
        check(C.holdall_writer_open(drive, text(path), text(path).length, options, made));
        Pointer writer = made.getValue();
        Version version = new Version();
        try {
            byte[] buffer = new byte[ROOM];
            for (int read; (read = body.read(buffer)) >= 0; ) check(C.holdall_writer_write(writer, buffer, read));
            check(C.holdall_writer_commit(writer, version));
        } finally {
            C.holdall_writer_free(writer);
        }
        check(C.holdall_url_version(store, version.id, null, made));
        String url = C.holdall_text_get(made.getValue()).getString(0);
        C.holdall_text_free(made.getValue());
        return url;
    }

    private static void reply(HttpExchange exchange, int status, String sentence) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, text(sentence).length);
        exchange.getResponseBody().write(text(sentence));
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 1) {
            System.err.println("usage: Server STORE [PORT]");
            System.exit(2);
        }
        System.setProperty("sun.net.httpserver.nodelay", "true"); // small replies wait for an acknowledgement else
        Server files = new Server(args[0], "up");
        int port = args.length > 1 ? Integer.parseInt(args[1]) : 0;
        HttpServer host = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        host.setExecutor(Executors.newCachedThreadPool());
        host.createContext("/", files::handle);
        host.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            host.stop(1);
            Runtime.getRuntime().halt(files.close());
        }));
        System.out.println("listening on http://127.0.0.1:" + host.getAddress().getPort());
    }
}
