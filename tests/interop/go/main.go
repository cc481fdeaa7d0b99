// A gRPC server and a client that tries everything, like tests/tools/grpc_peer.py.
//
//	peer server PORT [CERTIFICATE KEY]     prints "ready"
//	peer client HOST:PORT [CA NAME]        prints "ok WHAT" or "not ok WHAT: WHY" for each try
//	peer version
package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Bodies are bytes, so that no generated code is needed; the name keeps the
// Content-Type that every server knows.
type raw struct{}

func (raw) Name() string                            { return "proto" }
func (raw) Marshal(v interface{}) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v interface{}) error { *v.(*[]byte) = b; return nil }

var megabyte = bytes.Repeat([]byte("m"), 1<<20)

const complaint = "caf\u00e9 100%"

// --- the server --------------------------------------------------------------

var cancelled = make(chan bool, 1)

func unaryMethod(name string, f func(context.Context, []byte) ([]byte, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
		var in []byte
		if err := decode(&in); err != nil {
			return nil, err
		}
		out, err := f(ctx, in)
		return &out, err
	}}
}

func streamMethod(name string, up, down bool, f func(grpc.ServerStream) error) grpc.StreamDesc {
	return grpc.StreamDesc{StreamName: name, ClientStreams: up, ServerStreams: down,
		Handler: func(_ interface{}, s grpc.ServerStream) error { return f(s) }}
}

func reverse(ctx context.Context, in []byte) ([]byte, error) {
	trailer := metadata.Pairs("x-trailing", "yes", "x-bin-bin", "\x00\xff")
	asked, _ := metadata.FromIncomingContext(ctx)
	for k, v := range asked {
		if strings.HasPrefix(k, "x-ask") {
			trailer.Append("x-told"+k[5:], v...)
		}
	}
	grpc.SendHeader(ctx, metadata.Pairs("x-initial", "yes"))
	grpc.SetTrailer(ctx, trailer)
	out := make([]byte, len(in))
	for i, c := range in {
		out[len(in)-1-i] = c
	}
	return out, nil
}

func fail(ctx context.Context, _ []byte) ([]byte, error) {
	grpc.SetTrailer(ctx, metadata.Pairs("x-why", "because"))
	s, err := status.New(codes.FailedPrecondition, complaint).WithDetails(wrapperspb.String("why"))
	if err != nil {
		return nil, err
	}
	return nil, s.Err()
}

func slow(ctx context.Context, in []byte) ([]byte, error) {
	seconds, _ := strconv.Atoi(string(in))
	time.Sleep(time.Duration(seconds) * time.Second)
	return []byte("late"), nil
}

func wasCancelled(context.Context, []byte) ([]byte, error) {
	select {
	case <-cancelled:
		return []byte("yes"), nil
	case <-time.After(5 * time.Second):
		return []byte("no"), nil
	}
}

func up(s grpc.ServerStream) error {
	digest, n := sha1.New(), 0
	for {
		var in []byte
		err := s.RecvMsg(&in)
		if err == io.EOF {
			out := []byte(fmt.Sprintf("%d %x", n, digest.Sum(nil)))
			return s.SendMsg(&out)
		}
		if err != nil {
			return err
		}
		digest.Write(in)
		n += len(in)
	}
}

func down(s grpc.ServerStream) error {
	var in []byte
	if err := s.RecvMsg(&in); err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(in))
	for ; n > 0; n-- {
		if err := s.SendMsg(&megabyte); err != nil {
			return err
		}
	}
	return nil
}

func both(s grpc.ServerStream) error {
	for {
		var in []byte
		err := s.RecvMsg(&in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		out := append(append([]byte("<"), in...), '>')
		if err := s.SendMsg(&out); err != nil {
			return err
		}
	}
}

func wait(s grpc.ServerStream) error {
	var in []byte
	if err := s.RecvMsg(&in); err != nil {
		return err
	}
	first := []byte("first")
	if err := s.SendMsg(&first); err != nil {
		return err
	}
	select {
	case <-s.Context().Done():
		cancelled <- true
	case <-time.After(10 * time.Second):
	}
	return nil
}

func serve(port string, pair []string) error {
	// Connections grow old fast here: GOAWAY must not cost a call.
	age := keepalive.ServerParameters{MaxConnectionAge: 300 * time.Millisecond, MaxConnectionAgeGrace: time.Minute}
	options := []grpc.ServerOption{grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(1 << 24), grpc.KeepaliveParams(age)}
	if len(pair) == 2 {
		secret, err := credentials.NewServerTLSFromFile(pair[0], pair[1])
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(secret))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "t.T",
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{unaryMethod("Unary", reverse), unaryMethod("Fail", fail),
			unaryMethod("Slow", slow), unaryMethod("WasCancelled", wasCancelled)},
		Streams: []grpc.StreamDesc{streamMethod("Up", true, false, up), streamMethod("Down", false, true, down),
			streamMethod("Both", true, true, both), streamMethod("Wait", false, true, wait)},
	}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return server.Serve(listener)
}

// --- the client --------------------------------------------------------------

type peer struct{ *grpc.ClientConn }

func within(seconds float64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(seconds*float64(time.Second)))
}

func (p peer) ask(ctx context.Context, method string, in string, options ...grpc.CallOption) (string, error) {
	question := []byte(in)
	var out []byte
	err := p.Invoke(ctx, "/t.T/"+method, &question, &out, options...)
	return string(out), err
}

func (p peer) stream(ctx context.Context, method string, up, down bool) (grpc.ClientStream, error) {
	return p.NewStream(ctx, &grpc.StreamDesc{ClientStreams: up, ServerStreams: down}, "/t.T/"+method)
}

// A stream that answers one question.
func (p peer) open(ctx context.Context, method string, in string) (grpc.ClientStream, error) {
	s, err := p.stream(ctx, method, false, true)
	if err != nil {
		return nil, err
	}
	question := []byte(in)
	if err := s.SendMsg(&question); err != nil {
		return nil, err
	}
	return s, s.CloseSend()
}

func has(md metadata.MD, name, value string) error {
	if got := md.Get(name); len(got) != 1 || got[0] != value {
		return fmt.Errorf("%s is %q in %v", name, got, md)
	}
	return nil
}

func tryUnary(p peer) error {
	ctx, end := within(10)
	defer end()
	var header, trailer metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "x-ask", "a b", "x-ask-bin", "\x00\xfe")
	answer, err := p.ask(ctx, "Unary", "abc", grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return err
	}
	if answer != "cba" {
		return fmt.Errorf("answer %q", answer)
	}
	if err := has(header, "x-initial", "yes"); err != nil {
		return err
	}
	for _, e := range [][2]string{{"x-trailing", "yes"}, {"x-bin-bin", "\x00\xff"}, {"x-told", "a b"}, {"x-told-bin", "\x00\xfe"}} {
		if err := has(trailer, e[0], e[1]); err != nil {
			return err
		}
	}
	return nil
}

func tryClientStream(p peer) error {
	ctx, end := within(60)
	defer end()
	s, err := p.stream(ctx, "Up", true, false)
	if err != nil {
		return err
	}
	digest := sha1.New()
	for i := 0; i < 100; i++ {
		digest.Write(megabyte)
		if err := s.SendMsg(&megabyte); err != nil {
			return fmt.Errorf("message %d: %v, %v", i, err, s.RecvMsg(new([]byte)))
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	var answer []byte
	if err := s.RecvMsg(&answer); err != nil {
		return err
	}
	if expected := fmt.Sprintf("%d %x", 100<<20, digest.Sum(nil)); string(answer) != expected {
		return fmt.Errorf("answer %q", answer)
	}
	return nil
}

func tryServerStream(p peer) error {
	ctx, end := within(60)
	defer end()
	s, err := p.open(ctx, "Down", "100")
	for n := 0; err == nil; n++ {
		var piece []byte
		if err = s.RecvMsg(&piece); err == io.EOF && n == 100 {
			return nil
		}
		if err == nil && !bytes.Equal(piece, megabyte) {
			err = fmt.Errorf("piece %d is not what was sent", n)
		}
	}
	return err
}

func tryBoth(p peer) error {
	ctx, end := within(30)
	defer end()
	s, err := p.stream(ctx, "Both", true, true)
	if err != nil {
		return err
	}
	for i := 0; i < 200; i++ {
		question := []byte(strconv.Itoa(i))
		if err := s.SendMsg(&question); err != nil {
			return err
		}
		var answer []byte
		if err := s.RecvMsg(&answer); err != nil {
			return err
		}
		if string(answer) != fmt.Sprintf("<%d>", i) {
			return fmt.Errorf("answer %q", answer)
		}
	}
	s.CloseSend()
	if err := s.RecvMsg(new([]byte)); err != io.EOF {
		return fmt.Errorf("%v at the end", err)
	}
	return nil
}

// Much in both directions at a time, on one stream.
func tryMuchBoth(p peer) error {
	ctx, end := within(60)
	defer end()
	s, err := p.stream(ctx, "Both", true, true)
	if err != nil {
		return err
	}
	go func() {
		for i := 0; i < 100; i++ {
			if s.SendMsg(&megabyte) != nil {
				return
			}
		}
		s.CloseSend()
	}()
	for n := 0; ; n++ {
		var piece []byte
		if err := s.RecvMsg(&piece); err == io.EOF && n == 100 {
			return nil
		} else if err != nil {
			return fmt.Errorf("after %d: %v", n, err)
		}
		if len(piece) != len(megabyte)+2 || !bytes.Equal(piece[1:len(piece)-1], megabyte) {
			return fmt.Errorf("piece %d is not what was sent", n)
		}
	}
}

// More calls at a time than most peers allow on a connection.
func tryMany(p peer) error {
	ctx, end := within(30)
	defer end()
	var all sync.WaitGroup
	failed := make(chan error, 300)
	for i := 0; i < 300; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			answer, err := p.ask(ctx, "Unary", strings.Repeat(strconv.Itoa(i%10), 10000+i))
			if err == nil && answer != strings.Repeat(strconv.Itoa(i%10), 10000+i) {
				err = fmt.Errorf("an answer of %d bytes to call %d", len(answer), i)
			}
			if err != nil {
				failed <- err
			}
		}(i)
	}
	all.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("%d of 300: %v", 1+len(failed), err)
	default:
		return nil
	}
}

// Calls one after the other, for longer than connections of the Go server live.
func tryLasting(p peer) error {
	ctx, end := within(30)
	defer end()
	failed := make(chan error, 8)
	for i := 0; i < cap(failed); i++ {
		go func() {
			var err error
			for begun := time.Now(); err == nil && time.Since(begun) < 2*time.Second; {
				_, err = p.ask(ctx, "Unary", "abc")
			}
			failed <- err
		}()
	}
	for i := 0; i < cap(failed); i++ {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func tryStatus(p peer) error {
	ctx, end := within(10)
	defer end()
	var trailer metadata.MD
	_, err := p.ask(ctx, "Fail", "", grpc.Trailer(&trailer))
	s := status.Convert(err)
	if s.Code() != codes.FailedPrecondition || s.Message() != complaint {
		return fmt.Errorf("%v %q", s.Code(), s.Message())
	}
	if details := s.Details(); len(details) != 1 {
		return fmt.Errorf("details %v", details)
	} else if text, is := details[0].(*wrapperspb.StringValue); !is || text.Value != "why" {
		return fmt.Errorf("details %v", details)
	}
	return has(trailer, "x-why", "because")
}

func expect(code codes.Code, err error) error {
	if status.Code(err) != code {
		return fmt.Errorf("%v, but %v was due", err, code)
	}
	return nil
}

func tryUnknown(p peer) error {
	ctx, end := within(10)
	defer end()
	_, err := p.ask(ctx, "Nothing", "")
	return expect(codes.Unimplemented, err)
}

func tryDeadline(p peer) error {
	begun := time.Now()
	ctx, end := within(0.4)
	defer end()
	_, err := p.ask(ctx, "Slow", "3")
	if time.Since(begun) > 2*time.Second {
		return fmt.Errorf("it took %v", time.Since(begun))
	}
	return expect(codes.DeadlineExceeded, err)
}

func tryCancel(p peer) error {
	ctx, end := within(20)
	s, err := p.open(ctx, "Wait", "")
	if err == nil {
		err = s.RecvMsg(new([]byte))
	}
	end()
	if err != nil {
		return err
	}
	if err := expect(codes.Canceled, s.RecvMsg(new([]byte))); err != nil {
		return err
	}
	ctx, end = within(10)
	defer end()
	if answer, err := p.ask(ctx, "WasCancelled", ""); answer != "yes" {
		return fmt.Errorf("the server was not told: %q %v", answer, err)
	}
	return nil
}

func call(target string, trust []string) error {
	secret := insecure.NewCredentials()
	if len(trust) == 2 {
		var err error
		if secret, err = credentials.NewClientTLSFromFile(trust[0], trust[1]); err != nil {
			return err
		}
	}
	channel, err := grpc.Dial(target, grpc.WithTransportCredentials(secret),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(1<<24)))
	if err != nil {
		return err
	}
	defer channel.Close()
	for _, e := range []struct {
		name string
		try  func(peer) error
	}{{"unary", tryUnary}, {"client_stream", tryClientStream}, {"server_stream", tryServerStream},
		{"both", tryBoth}, {"much_both", tryMuchBoth}, {"many", tryMany}, {"lasting", tryLasting}, {"status", tryStatus},
		{"unknown", tryUnknown}, {"deadline", tryDeadline}, {"cancel", tryCancel}} {
		if err := e.try(peer{channel}); err != nil {
			fmt.Printf("not ok %s: %s\n", e.name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok", e.name)
		}
	}
	return nil
}

func main() {
	args := os.Args[1:]
	err := fmt.Errorf("usage: peer server PORT [CERTIFICATE KEY] | client HOST:PORT [CA NAME] | version")
	switch {
	case len(args) >= 2 && args[0] == "server":
		err = serve(args[1], args[2:])
	case len(args) >= 2 && args[0] == "client":
		err = call(args[1], args[2:])
	case len(args) == 1 && args[0] == "version":
		fmt.Println(grpc.Version)
		err = nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
