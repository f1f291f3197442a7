module holdall.example/server

go 1.22
