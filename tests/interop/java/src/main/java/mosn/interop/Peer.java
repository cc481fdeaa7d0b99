package mosn.interop;

import java.io.IOException;
import java.util.List;

/**
 * A server and a client that tries everything.
 *
 * <pre>
 *   java -jar peer.jar server bolt|sofa|dubbo PORT GROUP      prints "ready", ends with its input
 *   java -jar peer.jar client PROTOCOL HOST:PORT GROUP LANGUAGE [CHECK...]
 * </pre>
 *
 * The protocols of a client are bolt-v1, bolt-v2, bolt-v2-off, bolt-v2-crc, sofa and dubbo. It prints "ok WHAT" or
 * "not ok WHAT: WHY" for each try. When it prints "want kill" or "want start" the server is to be killed or started
 * again, and then the second word is to be written to its input.
 */
public final class Peer {
    private static final String HEARTBEAT_MS = "300";

    private Peer() {
    }

    private static void serve(String protocol, int port, String group) throws IOException {
        switch (protocol) {
        case "bolt":
            Bolt.serve(port);
            break;
        case "sofa":
            Sofa.serve(port, group);
            break;
        default:
            Dubbo.serve(port, group);
            break;
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        Runtime.getRuntime().halt(0);
    }

    private static Caller call(String protocol, String address, String group) {
        switch (protocol) {
        case "sofa":
            return Sofa.call(address, group);
        case "dubbo":
            return Dubbo.call(address, group);
        default:
            return Bolt.call(protocol.substring("bolt-".length()), address, group);
        }
    }

    public static void main(String[] args) throws IOException {
        System.setProperty("bolt.tcp.heartbeat.interval", HEARTBEAT_MS);
        System.setProperty("logging.path", System.getProperty("java.io.tmpdir"));
        if (args[0].equals("server")) {
            serve(args[1], Integer.parseInt(args[2]), args[3]);
            return;
        }
        boolean good = new Checks(call(args[1], args[2], args[3]), args[4], List.of(args).subList(5, args.length)).run();
        Runtime.getRuntime().halt(good ? 0 : 1);
    }
}
