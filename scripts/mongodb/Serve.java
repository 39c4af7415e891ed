import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** Serves the MongoDB protocol out of memory: java -cp "jars/*" Serve.java ADDRESS PORT. */
class Serve {
    /** What it says it is: drivers refuse the wire version that goes with its own 5.0, which is 8. */
    record Told(List<Integer> getVersionArray, int getWireVersion) implements MongoVersion {}

    public static void main(String[] arguments) {
        var backend = new MemoryBackend().version(new Told(List.of(5, 0, 0), 13));
        var server = new MongoServer(backend);
        server.bind(arguments[0], Integer.parseInt(arguments[1]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
    }
}
