package mosn.interop;

/** A connection to a service, and what its library throws. */
abstract class Caller {
    Service service;

    /** The exception as fail() has thrown it, or as a server of another language makes one of it. */
    boolean isComplaint(Throwable e, String message, boolean fromJava) {
        return (!fromJava || e instanceof Complaint) && String.valueOf(e.getMessage()).contains(message);
    }

    abstract boolean isTimeout(Throwable e);

    /** A call that the library says to have failed, for a reason that is no timeout. */
    abstract boolean isFailure(Throwable e);
}
