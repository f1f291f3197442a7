module holdall/tests/published

go 1.22

require (
	github.com/alibabacloud-go/darabonba-openapi/v2 v2.1.14
	github.com/alibabacloud-go/pds-20220301/v5 v5.1.1
	github.com/alibabacloud-go/tea v1.3.13
	github.com/aliyun/credentials-go v1.4.5
)
