package mosn.interop;

/** An exception that both sides know. */
public class Complaint extends Exception {
    private static final long serialVersionUID = 1L;

    public Complaint(String message) {
        super(message);
    }
}
