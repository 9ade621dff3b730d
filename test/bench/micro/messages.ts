/** Heads as clients send them: what most requests look like, and what few do. */
export const requests: Readonly<Record<string, string>> = {
  small: "GET /small HTTP/1.1\r\nHost: shop.example\r\n\r\n",
  browser: `GET /basket/42?ref=home HTTP/1.1
Host: shop.example
Connection: keep-alive
sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Linux"
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Referer: https://shop.example/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; seen=2026-11-25

`.replaceAll("\n", "\r\n"),
  post: `POST /orders HTTP/1.1
Host: shop.example
User-Agent: curl/8.16.0
Accept: */*
Content-Type: application/json
Content-Length: 512
Expect: 100-continue

`.replaceAll("\n", "\r\n"),
};

/** What a backend answers most. */
export const answer = `HTTP/1.1 200 OK
Server: nginx/1.30.0
Date: Wed, 25 Nov 2026 10:00:00 GMT
Content-Type: text/plain
Content-Length: 100
Last-Modified: Wed, 25 Nov 2026 09:00:00 GMT
Connection: keep-alive
ETag: "6744a1b0-64"
Accept-Ranges: bytes

`.replaceAll("\n", "\r\n");
