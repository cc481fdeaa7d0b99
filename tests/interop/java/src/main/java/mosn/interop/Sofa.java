package mosn.interop;

import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.MethodConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;
import java.util.List;

/** SOFARPC over Bolt. */
final class Sofa {
    private Sofa() {
    }

    static void serve(int port, String group) {
        ServerConfig server = new ServerConfig().setProtocol("bolt").setHost("127.0.0.1").setPort(port).setDaemon(false);
        new ProviderConfig<Service>().setApplication(new ApplicationConfig().setAppName("server")).setInterfaceId(Service.class.getName())
            .setUniqueId(group).setRef(new Worker()).setServer(server).setRegister(false).export();
    }

    static Caller call(String address, String group) {
        MethodConfig note = new MethodConfig().setName("note").setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY);
        MethodConfig oversleep = new MethodConfig().setName("oversleep").setTimeout(Service.SHORT);

        Caller caller = new Caller() {
            @Override
            boolean isTimeout(Throwable e) {
                return e instanceof SofaTimeOutException;
            }

            @Override
            boolean isFailure(Throwable e) {
                return e instanceof SofaRpcException && !isTimeout(e);
            }
        };
        caller.service = new ConsumerConfig<Service>().setApplication(new ApplicationConfig().setAppName("client"))
            .setInterfaceId(Service.class.getName()).setUniqueId(group).setProtocol("bolt").setDirectUrl("bolt://" + address)
            .setRegister(false).setTimeout(Service.LONG).setMethods(List.of(note, oversleep)).refer();
        return caller;
    }
}
