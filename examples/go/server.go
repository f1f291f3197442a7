// A server on net/http: `server STORE [PORT]` serves every URL of a store, and takes `PUT /upload/PATH`.
package main

/*
#include <holdall.h>

static holdall_answer empty_answer(void) { return (holdall_answer){.size = sizeof(holdall_answer)}; }
static holdall_version empty_version(void) { return (holdall_version){.size = sizeof(holdall_version)}; }
static holdall_error empty_error(void) { return (holdall_error){.size = sizeof(holdall_error)}; }
static holdall_file_range empty_range(void) { return (holdall_file_range){.size = sizeof(holdall_file_range)}; }
*/
import "C"

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Text goes in as a pointer and a length. The library copies what it needs beyond the call.
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// A failure is an error of the library. A goroutine moves between threads, so the sentence is asked of a handle.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

func check(code C.int32_t, handle unsafe.Pointer) error {
	if code == C.HOLDALL_OK {
		return nil
	}
	e := C.empty_error()
	C.holdall_handle_error(handle, &e)
	return failure{int(C.holdall_code_status(code)), C.GoString(&e.text[0])}
}

type server struct {
	store *C.holdall_store
	drive *C.holdall_drive
}

func open(path, drive string) (*server, error) {
	runtime.LockOSThread() // for the sentence: there is no handle yet
	defer runtime.UnlockOSThread()
	s := &server{}
	at, n := text(path)
	name, m := text(drive)
	if C.holdall_open(at, n, nil, &s.store) != C.HOLDALL_OK || C.holdall_drive_open(s.store, name, m, &s.drive) != C.HOLDALL_OK {
		return nil, errors.New(C.GoString(C.holdall_last_error()))
	}
	return s, nil
}

func (s *server) close() error {
	C.holdall_drive_free(s.drive)
	defer C.holdall_store_free(s.store)
	return check(C.holdall_store_close(s.store), unsafe.Pointer(s.store))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, found := strings.CutPrefix(r.URL.Path, "/upload/"); found && r.Method == http.MethodPut {
		s.upload(w, r, path)
		return
	}
	var sent strings.Builder
	r.Header.Write(&sent)
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	answer := C.empty_answer()
	method, n := text(r.Method)
	target, m := text(r.RequestURI) // as it came: r.URL.Path is decoded
	headers, k := text(sent.String())
	address, l := text(client)
	if C.holdall_serve_text(s.store, method, n, target, m, headers, k, address, l, &answer) != C.HOLDALL_OK {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	defer C.holdall_body_free(answer.body)
	if answer.code != C.HOLDALL_OK {
		log.Print(C.GoString(&answer.error[0]))
	}
	lines := bufio.NewReader(strings.NewReader(C.GoString(&answer.headers[0]) + "\r\n"))
	named, err := textproto.NewReader(lines).ReadMIMEHeader()
	if err != nil {
		panic(err) // net/http logs it and closes the connection
	}
	maps.Copy(w.Header(), http.Header(named))
	w.WriteHeader(int(answer.status))
	if send(w, &answer) != nil {
		panic(http.ErrAbortHandler) // half a body must not look whole
	}
}

// Sends a body: a range of a file by sendfile, which net/http does for a limited *os.File.
func send(w io.Writer, answer *C.holdall_answer) (err error) {
	switch answer.kind {
	case C.HOLDALL_BODY_MEMORY:
		_, err = w.Write(unsafe.Slice((*byte)(answer.data), answer.len_bytes))
	case C.HOLDALL_BODY_FILE:
		run := C.empty_range()
		if err = check(C.holdall_body_file(answer.body, 0, answer.len_bytes, &run), unsafe.Pointer(answer.body)); err != nil {
			return err
		}
		file := os.NewFile(uintptr(run.fd), "content")
		defer file.Close()
		_, err = io.CopyN(w, file, int64(run.len_bytes))
	case C.HOLDALL_BODY_PIECES:
		_, err = io.CopyBuffer(w, &reader{body: answer.body}, make([]byte, 256<<10))
	}
	return err
}

type reader struct {
	body *C.holdall_body
	at   C.uint64_t
}

func (r *reader) Read(buffer []byte) (int, error) {
	var got C.size_t
	code := C.holdall_body_read(r.body, r.at, unsafe.Pointer(unsafe.SliceData(buffer)), C.size_t(len(buffer)), &got)
	if err := check(code, unsafe.Pointer(r.body)); err != nil {
		return 0, err
	}
	r.at += C.uint64_t(got)
	if got == 0 {
		return 0, io.EOF
	}
	return int(got), nil
}

// Whether a request was made on this machine, by no page of another site and through no proxy: any page can have a browser
// send here. A server that others reach has to know who sends.
func isFromHere(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	origin := r.Header.Get("Origin")
	local := strings.HasPrefix(r.Host, "127.0.0.1:") || strings.HasPrefix(r.Host, "localhost:")
	return local && (origin == "" || origin == "http://"+r.Host)
}

func (s *server) upload(w http.ResponseWriter, r *http.Request, path string) {
	if !isFromHere(r) {
		http.Error(w, "uploads are taken from this machine alone, and from no page of another site", http.StatusForbidden)
		return
	}
	url, err := s.put(path, r.Body)
	var refused failure
	switch {
	case err == nil:
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintln(w, url)
	case errors.As(err, &refused) && refused.status < 500:
		http.Error(w, refused.text, refused.status)
	case errors.As(err, &refused):
		log.Print(err)
		http.Error(w, "the upload could not be stored", refused.status)
	default: // the body broke off
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

type writer struct{ handle *C.holdall_writer }

func (w writer) Write(data []byte) (int, error) {
	code := C.holdall_writer_write(w.handle, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)))
	return len(data), check(code, unsafe.Pointer(w.handle))
}

// Puts a body, and returns a URL. What is not committed leaves nothing behind.
func (s *server) put(path string, body io.Reader) (string, error) {
	// An error's sentence is of the handle that the call was on, so each upload has its own.
	drive := (*C.holdall_drive)(C.holdall_handle_ref(unsafe.Pointer(s.drive)))
	defer C.holdall_drive_free(drive)
	store := (*C.holdall_store)(C.holdall_handle_ref(unsafe.Pointer(s.store)))
	defer C.holdall_store_free(store)
	var w writer
	at, n := text(path)
	if err := check(C.holdall_writer_open(drive, at, n, nil, &w.handle), unsafe.Pointer(drive)); err != nil {
		return "", err
	}
	defer C.holdall_writer_free(w.handle)
	if _, err := io.CopyBuffer(w, struct{ io.Reader }{body}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	version := C.empty_version()
	if err := check(C.holdall_writer_commit(w.handle, &version), unsafe.Pointer(w.handle)); err != nil {
		return "", err
	}
	var url *C.holdall_text
	if err := check(C.holdall_url_version(store, version.id, nil, &url), unsafe.Pointer(store)); err != nil {
		return "", err
	}
	defer C.holdall_text_free(url)
	return C.GoString(C.holdall_text_get(url)), nil
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: server STORE [PORT]")
	}
	files, err := open(os.Args[1], "up")
	if err != nil {
		log.Fatal(err)
	}
	port := "0"
	if len(os.Args) > 2 {
		port = os.Args[2]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	host := &http.Server{Handler: files, ReadHeaderTimeout: time.Minute}
	go host.Serve(listener)
	<-stop.Done()
	patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	host.Shutdown(patience)
	if err := files.close(); err != nil {
		log.Fatal(err)
	}
}
