package mosn.interop;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Who does it. */
public class Worker implements Service {
    private final Map<String, Integer> notes = new ConcurrentHashMap<>();

    @Override
    public Item echo(Item item) {
        item.number++;
        return item;
    }

    @Override
    public void note(String key) {
        notes.merge(key, 1, Integer::sum);
    }

    @Override
    public int noted(String key) {
        return notes.getOrDefault(key, 0);
    }

    @Override
    public String fail(String message) throws Complaint {
        throw new Complaint(message);
    }

    @Override
    public String sleep(int ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return "slept " + ms;
    }

    @Override
    public String oversleep(int ms) {
        return sleep(ms);
    }
}
