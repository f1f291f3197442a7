// Reads a zip and prints for each entry its CRC-32, its length, its time and its name; or downloads a URL.
package main

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strings"

	other "github.com/klauspost/compress/zip"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tell(name string, seconds int64, in io.ReadCloser, err error) {
	must(err)
	sum := crc32.NewIEEE()
	size, err := io.Copy(sum, in)
	must(err)
	must(in.Close())
	fmt.Println(sum.Sum32(), size, seconds, name)
}

func fetch(url, path string) {
	request, err := http.NewRequest("GET", url, nil)
	must(err)
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	must(err)
	at, err := out.Seek(0, io.SeekEnd)
	must(err)
	want := 200
	if at > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		want = 206
	}
	reply, err := http.DefaultClient.Do(request)
	must(err)
	if reply.StatusCode != want {
		must(fmt.Errorf("status %s", reply.Status))
	}
	_, err = io.Copy(out, reply.Body)
	must(err)
	must(out.Close())
}

func main() {
	switch os.Args[1] {
	case "zip":
		zip, err := zip.OpenReader(os.Args[2])
		must(err)
		for _, f := range zip.File {
			if strings.HasSuffix(f.Name, "/") {
				fmt.Println(0, 0, f.Modified.Unix(), f.Name)
				continue
			}
			in, err := f.Open()
			tell(f.Name, f.Modified.Unix(), in, err)
		}
	case "klauspost":
		zip, err := other.OpenReader(os.Args[2])
		must(err)
		for _, f := range zip.File {
			if strings.HasSuffix(f.Name, "/") {
				fmt.Println(0, 0, f.Modified.Unix(), f.Name)
				continue
			}
			in, err := f.Open()
			tell(f.Name, f.Modified.Unix(), in, err)
		}
	case "fetch":
		fetch(os.Args[2], os.Args[3])
	}
}
