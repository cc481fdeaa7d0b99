package mosn.interop;

import java.util.List;
import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.rpc.RpcException;

/** Dubbo over its own protocol. */
final class Dubbo {
    private static final String VERSION = "1.0.0";
    private static final Map<String, String> PARAMETERS = Map.of("heartbeat", "1000"); // it cannot be less

    private Dubbo() {
    }

    private static ApplicationConfig application(String name) {
        ApplicationConfig application = new ApplicationConfig(name);
        application.setQosEnable(false);
        return application;
    }

    static void serve(int port, String group) {
        ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost("127.0.0.1");
        protocol.setParameters(PARAMETERS);
        ServiceConfig<Service> service = new ServiceConfig<>();
        service.setApplication(application("server"));
        service.setRegistry(new RegistryConfig(RegistryConfig.NO_AVAILABLE));
        service.setProtocol(protocol);
        service.setInterface(Service.class);
        service.setGroup(group);
        service.setVersion(VERSION);
        service.setRef(new Worker());
        service.export();
    }

    private static MethodConfig method(String name) {
        MethodConfig method = new MethodConfig();
        method.setName(name);
        return method;
    }

    static Caller call(String address, String group) {
        MethodConfig note = method("note");
        note.setReturn(false);
        MethodConfig oversleep = method("oversleep");
        oversleep.setTimeout(Service.SHORT);
        ReferenceConfig<Service> reference = new ReferenceConfig<>();
        reference.setApplication(application("client"));
        reference.setInterface(Service.class);
        reference.setGroup(group);
        reference.setVersion(VERSION);
        // What it knows for the loopback is replaced by another address of the machine.
        reference.setUrl("dubbo://" + address.replace("127.0.0.1", "2130706433") + "?heartbeat=1000");
        reference.setTimeout(Service.LONG);
        reference.setRetries(0);
        reference.setMethods(List.of(note, oversleep));

        Caller caller = new Caller() {
            @Override
            boolean isTimeout(Throwable e) {
                return e instanceof RpcException && ((RpcException) e).isTimeout();
            }

            @Override
            boolean isFailure(Throwable e) {
                return e instanceof RpcException && !isTimeout(e);
            }
        };
        caller.service = reference.get();
        return caller;
    }
}
