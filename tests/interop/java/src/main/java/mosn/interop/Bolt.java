package mosn.interop;

import com.alipay.remoting.BizContext;
import com.alipay.remoting.CustomSerializer;
import com.alipay.remoting.CustomSerializerManager;
import com.alipay.remoting.DefaultCustomSerializer;
import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.exception.RemotingException;
import com.alipay.remoting.rpc.RequestCommand;
import com.alipay.remoting.rpc.RpcClient;
import com.alipay.remoting.rpc.RpcServer;
import com.alipay.remoting.rpc.exception.InvokeServerException;
import com.alipay.remoting.rpc.exception.InvokeTimeoutException;
import com.alipay.remoting.rpc.protocol.RpcRequestCommand;
import com.alipay.remoting.rpc.protocol.SyncUserProcessor;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;

/** SOFABolt with nothing above it: v1, v2 (never a CRC), v2-off (no CRC) and v2-crc. */
final class Bolt {
    /** What is called is told in the request itself. */
    static class Call implements Serializable {
        private static final long serialVersionUID = 1L;

        String method;
        Object argument;

        Call(String method, Object argument) {
            this.method = method;
            this.argument = argument;
        }
    }

    private Bolt() {
    }

    static void serve(int port) {
        Worker worker = new Worker();
        RpcServer server = new RpcServer(port);
        server.registerUserProcessor(new SyncUserProcessor<Call>() {
            @Override
            public Object handleRequest(BizContext context, Call call) throws Exception {
                switch (call.method) {
                case "echo":
                    return worker.echo((Item) call.argument);
                case "note":
                    worker.note((String) call.argument);
                    return null;
                case "noted":
                    return worker.noted((String) call.argument);
                case "fail":
                    return worker.fail((String) call.argument);
                default:
                    return worker.sleep((Integer) call.argument);
                }
            }

            @Override
            public String interest() {
                return Call.class.getName();
            }
        });
        server.startup();
    }

    /** Routes go by the header "service". */
    private static CustomSerializer naming(String service) {
        return new DefaultCustomSerializer() {
            @Override
            public <T extends RequestCommand> boolean serializeHeader(T request, InvokeContext context) {
                try {
                    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                    DataOutputStream out = new DataOutputStream(bytes);
                    for (String s : new String[] { "service", service }) {
                        byte[] text = s.getBytes(StandardCharsets.UTF_8);
                        out.writeInt(text.length);
                        out.write(text);
                    }
                    ((RpcRequestCommand) request).setHeader(bytes.toByteArray());
                    return true;
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
    }

    private static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Failure(Throwable cause) {
            super(cause);
        }
    }

    static Caller call(String version, String address, String group) {
        CustomSerializerManager.registerCustomSerializer(Call.class.getName(), naming(Service.class.getName() + ":1.0:" + group));
        RpcClient client = new RpcClient();
        client.startup();
        String url = address + "?_PROTOCOL=" + (version.equals("v1") ? 1 : 2) + "&_VERSION=" + (version.startsWith("v2-") ? 2 : 1);

        Caller caller = new Caller() {
            @Override
            boolean isComplaint(Throwable e, String message, boolean fromJava) {
                return e.getCause() instanceof InvokeServerException
                    && String.valueOf(e.getCause().getCause()).contains(message) == fromJava
                    && String.valueOf(e.getCause().getCause()).contains(Complaint.class.getName());
            }

            @Override
            boolean isTimeout(Throwable e) {
                return e.getCause() instanceof InvokeTimeoutException;
            }

            @Override
            boolean isFailure(Throwable e) {
                return e.getCause() instanceof RemotingException && !isTimeout(e);
            }
        };
        caller.service = new Service() {
            private Object call(String method, Object argument, int ms) {
                InvokeContext context = new InvokeContext();
                context.put(InvokeContext.BOLT_CRC_SWITCH, !version.equals("v2-off"));
                try {
                    if (ms > 0) {
                        return client.invokeSync(url, new Call(method, argument), context, ms);
                    }
                    client.oneway(url, new Call(method, argument), context);
                    return null;
                } catch (RemotingException | InterruptedException e) {
                    throw new Failure(e);
                }
            }

            @Override
            public Item echo(Item item) {
                return (Item) call("echo", item, LONG);
            }

            @Override
            public void note(String key) {
                call("note", key, 0);
            }

            @Override
            public int noted(String key) {
                return (Integer) call("noted", key, LONG);
            }

            @Override
            public String fail(String message) {
                return (String) call("fail", message, LONG);
            }

            @Override
            public String sleep(int ms) {
                return (String) call("sleep", ms, LONG);
            }

            @Override
            public String oversleep(int ms) {
                return (String) call("sleep", ms, SHORT);
            }
        };
        return caller;
    }
}
