package mosn.interop;

/** What is called. The callers of sleep() wait for long, those of oversleep() for SHORT milliseconds only. */
public interface Service {
    int LONG = 20000;
    int SHORT = 500;

    /** The item, with a number that is one more. */
    Item echo(Item item);

    /** One-way: how many there were of a key is told by noted(). */
    void note(String key);

    int noted(String key);

    String fail(String message) throws Complaint;

    String sleep(int ms);

    String oversleep(int ms);
}
