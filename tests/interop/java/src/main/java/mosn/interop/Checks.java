package mosn.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Everything that a caller tries. Prints "ok WHAT" or "not ok WHAT: WHY" for each, and "# ..." what it has seen. */
final class Checks {
    interface Check {
        void run() throws Exception;
    }

    private static final String TEXT = "caf\u00e9 \u4e2d\u6587 \ud83d\ude00 100%";
    private static final int IDLE_MS = 5000; // longer than mosn lets a silent connection live
    private static final String COMPLAINT = "refused: caf\u00e9 100%";

    private final Caller caller;
    private final Service service;
    private final boolean serverIsJava;
    private final List<String> asked;
    private final BufferedReader told = new BufferedReader(new InputStreamReader(System.in));
    private boolean good = true;

    Checks(Caller caller, String serverLanguage, List<String> asked) {
        this.caller = caller;
        this.service = caller.service;
        this.serverIsJava = serverLanguage.equals("java");
        this.asked = asked;
    }

    private static void expect(boolean what, String text, Object... args) {
        if (!what) {
            throw new AssertionError(String.format(text, args));
        }
    }

    private static Item item(int n) {
        Item item = new Item();
        item.name = TEXT + n;
        item.number = n;
        item.big = (1L << 40) + n;
        item.ratio = n / 4.0 + 0.1;
        item.yes = n % 2 == 0;
        item.when = new Date(1250999894016L + n);
        item.tags = new ArrayList<>(List.of("a", TEXT, ""));
        item.notes = new LinkedHashMap<>(Map.of("key", "value", TEXT, "x"));
        item.body = new byte[n % 5000];
        for (int i = 0; i < item.body.length; i++) {
            item.body[i] = (byte) (i * 7 + n);
        }
        return item;
    }

    private void echo(Item item) {
        Item back = service.echo(item);
        item.number++;
        expect(item.equals(back), "%.300s came back as %.300s", item, back);
    }

    private static Throwable thrown(Callable<?> call) {
        try {
            Object value = call.call();
            throw new AssertionError("it returned " + value);
        } catch (Exception e) {
            return e;
        }
    }

    private static String name(Throwable e) {
        return e + (e.getCause() == null ? "" : " <- " + e.getCause());
    }

    /** How the library says that a call has failed. */
    private static void tell(String when, Throwable e) {
        System.out.printf("# %s: %.300s%n", when, name(e).replace('\n', ' '));
    }

    // --- the checks ----------------------------------------------------------

    private void object() {
        Item item = item(1000);
        item.inner = item(7);
        echo(item);
        for (int n = 0; n < 50; n++) {
            echo(item(n));
        }
    }

    private void oneway() throws Exception {
        String key = "note " + System.nanoTime();
        for (int i = 0; i < 20; i++) {
            service.note(key);
        }
        int seen = 0;
        for (int i = 0; i < 50 && seen < 20; i++) {
            seen = service.noted(key);
            Thread.sleep(20);
        }
        expect(seen == 20, "%d of 20 arrived", seen);
    }

    private void exception() {
        Throwable e = thrown(() -> service.fail(COMPLAINT));
        tell("exception", e);
        expect(caller.isComplaint(e, COMPLAINT, serverIsJava), "%s", name(e));
        echo(item(3));
    }

    private void timeout() throws Exception {
        long begun = System.nanoTime();
        Throwable e = thrown(() -> service.oversleep(2 * Service.SHORT + 300));
        long ms = (System.nanoTime() - begun) / 1000000;
        tell("timeout", e);
        expect(caller.isTimeout(e), "%s", name(e));
        expect(ms > Service.SHORT - 50 && ms < Service.SHORT + 600, "after %d ms", ms);
        // The late answer is nobody's.
        while ((System.nanoTime() - begun) / 1000000 < 2 * Service.SHORT + 700) {
            echo(item(4));
            Thread.sleep(20);
        }
    }

    private void big() {
        for (int n = 0; n < 3; n++) {
            Item item = item(n);
            item.body = new byte[1 << 20];
            for (int i = 0; i < item.body.length; i++) {
                item.body[i] = (byte) (i * 31 ^ i >> 8 ^ n);
            }
            echo(item);
        }
    }

    /** Answers that come in another order than the calls. */
    private void many() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(32);
        List<Future<?>> all = new ArrayList<>();
        for (int n = 0; n < 640; n++) {
            int mine = n;
            all.add(threads.submit(() -> {
                int ms = mine % 4 == 0 ? mine % 32 : -1;
                if (ms < 0) {
                    echo(item(mine * 7));
                } else {
                    expect(service.sleep(ms).equals("slept " + ms), "the answer of another call");
                }
                return null;
            }));
        }
        for (Future<?> one : all) {
            one.get(Service.LONG, TimeUnit.MILLISECONDS);
        }
        threads.shutdown();
    }

    private void heartbeat() throws Exception {
        Thread.sleep(IDLE_MS);
        echo(item(5));
    }

    private void want(String what) throws IOException {
        System.out.println("want " + what);
        String line = told.readLine();
        expect(what.equals(line), "nobody does that: %s", line);
    }

    private void restart() throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        Future<Throwable> underWay = thread.submit(() -> thrown(() -> service.sleep(Service.LONG / 2)));
        Thread.sleep(200);
        want("kill");
        long begun = System.nanoTime();
        Throwable e = underWay.get(Service.LONG, TimeUnit.MILLISECONDS);
        long ms = (System.nanoTime() - begun) / 1000000;
        thread.shutdown();
        tell("under way", e);
        expect(caller.isFailure(e), "what was under way: %s", name(e));
        expect(ms < 1000, "what was under way failed after %d ms", ms);
        for (int i = 0; i < 3; i++) {
            begun = System.nanoTime();
            e = thrown(() -> service.echo(item(6)));
            ms = (System.nanoTime() - begun) / 1000000;
            tell("down", e);
            expect(caller.isFailure(e), "while it is down: %s", name(e));
            expect(ms < 1000, "while it is down: only after %d ms", ms);
        }
        want("start");
        begun = System.nanoTime();
        for (e = new Exception(); e != null && System.nanoTime() - begun < 30_000_000_000L;) {
            try {
                echo(item(8));
                e = null;
            } catch (Exception again) {
                e = again;
                Thread.sleep(50);
            }
        }
        expect(e == null, "after it came back: %s", e == null ? "" : name(e));
        object();
    }

    // --- all of them ---------------------------------------------------------

    private void check(String what, Check check) {
        if (!asked.isEmpty() && !asked.contains(what)) {
            return;
        }
        try {
            check.run();
            System.out.println("ok " + what);
        } catch (Throwable e) {
            good = false;
            String why = (e instanceof AssertionError ? e.getMessage() : name(e)).replace('\n', ' ');
            System.out.printf("not ok %s: %.500s%n", what, why);
        }
    }

    boolean run() {
        check("object", this::object);
        check("oneway", this::oneway);
        check("exception", this::exception);
        check("timeout", this::timeout);
        check("big", this::big);
        check("many", this::many);
        check("heartbeat", this::heartbeat);
        check("restart", this::restart);
        return good;
    }
}
