// Downloads a URL into a file; with a third argument it goes on at that byte.

import java.net.URI;
import java.net.http.*;
import java.nio.file.*;

public class Fetch {
    public static void main(String[] args) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(args[0]));
        if (args.length > 2) request.header("Range", "bytes=" + args[2] + "-");
        HttpResponse<byte[]> reply =
            HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        if (reply.statusCode() != (args.length > 2 ? 206 : 200)) throw new Exception("status " + reply.statusCode());
        OpenOption how = args.length > 2 ? StandardOpenOption.APPEND : StandardOpenOption.CREATE;
        Files.write(Paths.get(args[1]), reply.body(), how);
    }
}
