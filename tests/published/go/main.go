// Calls a server by Alibaba's SDK of PDS for Go, as a client of it does, and looks at each answer.
//
//	pdswire ADDRESS TOKEN OTHER_TOKEN
package main

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	pds "github.com/alibabacloud-go/pds-20220301/v5/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/credentials-go/credentials"
)

func check(ok bool, told ...any) {
	if !ok {
		panic(fmt.Sprint(told...))
	}
}

func must[T any](value T, err error) T {
	check(err == nil, err)
	return value
}

func clientOf(address, token string) *pds.Client {
	bearer := new(credentials.Config).SetType("bearer").SetBearerToken(token)
	credential := must(credentials.NewCredential(bearer))
	config := &openapi.Config{Credential: credential, Endpoint: &address, Protocol: dara.String("HTTP")}
	return must(pds.NewClient(config))
}

// refused gives the code that a call is refused with.
func refused(err error) string {
	var fault *tea.SDKError
	check(errors.As(err, &fault) && fault.Code != nil, "it was to be refused: ", err)
	return *fault.Code
}

func fetch(method, url string, data []byte, part string) (*http.Response, []byte) {
	request := must(http.NewRequest(method, url, bytes.NewReader(data)))
	if part != "" {
		request.Header.Set("Range", part)
	}
	reply := must(http.DefaultClient.Do(request))
	defer reply.Body.Close()
	return reply, must(io.ReadAll(reply.Body))
}

func crc(data []byte) *string {
	return dara.String(fmt.Sprint(crc64.Checksum(data, crc64.MakeTable(crc64.ECMA))))
}

func upload(client *pds.Client, drive, name string, data []byte, part int) *pds.File {
	count := max(1, (len(data)+part-1)/part)
	asked := new(pds.CreateFileRequest).SetDriveId(drive).SetParentFileId("root").SetType("file").SetName(name).
		SetSize(int64(len(data)))
	for number := range count {
		asked.PartInfoList = append(asked.PartInfoList, new(pds.CreateFileRequestPartInfoList).SetPartNumber(int32(number+1)))
	}
	made := must(client.CreateFile(asked)).Body
	check(len(made.PartInfoList) == count, made)
	for number, told := range made.PartInfoList {
		piece := data[number*part : min(len(data), (number+1)*part)]
		reply, _ := fetch("PUT", *told.UploadUrl, piece, "")
		check(reply.StatusCode == 200 && reply.Header.Get("x-oss-hash-crc64ecma") == *crc(piece), reply)
	}
	end := new(pds.CompleteFileRequest).SetDriveId(drive).SetFileId(*made.FileId).SetUploadId(*made.UploadId)
	end.Crc64Hash = crc(data)
	return must(client.CompleteFile(end)).Body
}

func main() {
	address, token, other := os.Args[1], os.Args[2], os.Args[3]
	client := clientOf(address, token)
	drive := *must(client.GetDefaultDrive(new(pds.GetDefaultDriveRequest))).Body.DriveId

	// Uploads and downloads: the hashes agree.
	for _, length := range []int{0, 1, 1000, 65536, 3 << 20} {
		data := bytes.Repeat([]byte("holdall "), length/8+1)[:length]
		file := upload(client, drive, fmt.Sprintf("go-%d.bin", length), data, 1<<20)
		check(*file.Size == int64(length) && *file.Crc64Hash == *crc(data), file)
		check(*file.ContentHash == strings.ToUpper(fmt.Sprintf("%x", sha1.Sum(data))), file)
		asked := new(pds.GetDownloadUrlRequest).SetDriveId(drive).SetFileId(*file.FileId).SetExpireSec(100).SetFileName("n.bin")
		told := must(client.GetDownloadUrl(asked)).Body
		reply, got := fetch("GET", *told.Url, nil, "")
		check(reply.StatusCode == 200 && bytes.Equal(got, data), reply)
		check(strings.Contains(reply.Header.Get("Content-Disposition"), "n.bin"), reply)
		check(*told.Size == int64(length) && *told.Crc64Hash == *crc(data) && *told.ContentHashName == "sha1", told)
		if length > 10 {
			reply, got := fetch("GET", *told.Url, nil, "bytes=5-9")
			check(reply.StatusCode == 206 && bytes.Equal(got, data[5:10]), reply)
		}
	}

	// Lists by pages, gets, renames, copies, and finds nothing that is not there.
	file := upload(client, drive, "go-listed.txt", []byte("hello"), 10)
	seen, marker := map[string]int{}, ""
	for {
		asked := new(pds.ListFileRequest).SetDriveId(drive).SetParentFileId("root").SetLimit(2).SetMarker(marker)
		page := must(client.ListFile(asked)).Body
		for _, item := range page.Items {
			seen[*item.Name]++
		}
		if marker = dara.StringValue(page.NextMarker); marker == "" {
			break
		}
	}
	check(seen["go-listed.txt"] == 1 && seen["go-0.bin"] == 1, seen)
	named := new(pds.GetFileRequest).SetDriveId(drive).SetFileId(*file.FileId)
	check(*must(client.GetFile(named)).Body.Name == "go-listed.txt")
	_, err := client.GetFile(new(pds.GetFileRequest).SetDriveId(drive).SetFileId("nothing"))
	check(strings.HasPrefix(refused(err), "NotFound") || refused(err) == "InvalidParameter.FileId", refused(err))

	// The trash, and the end.
	url := *must(client.GetDownloadUrl(new(pds.GetDownloadUrlRequest).SetDriveId(drive).SetFileId(*file.FileId))).Body.Url
	must(client.TrashFile(new(pds.TrashFileRequest).SetDriveId(drive).SetFileId(*file.FileId)))
	_, err = client.GetDownloadUrl(new(pds.GetDownloadUrlRequest).SetDriveId(drive).SetFileId(*file.FileId))
	check(refused(err) == "ForbiddenFileInTheRecycleBin", err)
	reply, _ := fetch("GET", url, nil, "")
	check(reply.StatusCode == 410, reply)
	must(client.RestoreFile(new(pds.RestoreFileRequest).SetDriveId(drive).SetFileId(*file.FileId)))
	_, got := fetch("GET", url, nil, "")
	check(string(got) == "hello", got)

	// An archive.
	files := []*string{file.FileId}
	task := must(client.ArchiveFiles(&pds.ArchiveFilesRequest{DriveId: &drive, FileIds: files, Name: dara.String("z")})).Body
	done := must(client.GetAsyncTask(new(pds.GetAsyncTaskRequest).SetAsyncTaskId(*task.AsyncTaskId))).Body
	check(*done.State == "Succeed", done)
	_, zip := fetch("GET", *done.Url, nil, "")
	check(bytes.HasPrefix(zip, []byte("PK")), len(zip))

	// Nobody reaches another's drive.
	_, err = clientOf(address, other).GetDownloadUrl(new(pds.GetDownloadUrlRequest).SetDriveId(drive).SetFileId(*file.FileId))
	check(refused(err) == "ForbiddenNoPermission", err)
	_, err = clientOf(address, "a-token-that-nobody-has").GetDefaultDrive(new(pds.GetDefaultDriveRequest))
	check(refused(err) == "AccessTokenInvalid", err)
	must(client.DeleteFile(new(pds.DeleteFileRequest).SetDriveId(drive).SetFileId(*file.FileId)))
	_, err = client.GetFile(named)
	check(refused(err) == "NotFound.FileId", err)
	fmt.Println("ok")
}
