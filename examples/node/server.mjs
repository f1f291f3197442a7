// A server on node:http: `server STORE [PORT]` serves every URL of a store, and takes `PUT /upload/PATH`.
// HOLDALL_LIB names the library.
import fs from 'node:fs';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import koffi from 'koffi';

const OK = 0;
const [NONE, MEMORY, FILE] = [0, 1, 2]; // HOLDALL_BODY_*

const text = (len) => koffi.array('char', len, 'String');
const Answer = koffi.struct({
  size: 'size_t', status: 'uint32_t', kind: 'int32_t', len: 'uint64_t', data: 'void *', body: 'void *',
  pace: 'uint64_t', code: 'int32_t', error: text(1024), headers: text(8192),
});
const Range = koffi.struct({ size: 'size_t', offset: 'uint64_t', len: 'uint64_t', fd: 'int32_t' });
const Failure = koffi.struct({ size: 'size_t', code: 'int32_t', retry: 'uint64_t', text: text(1024) });
const Version = koffi.struct({
  size: 'size_t', id: 'uint64_t', file: 'uint64_t', len: 'uint64_t', crc64: 'uint64_t', created: 'int64_t',
  modified: 'int64_t', crc32: 'uint32_t', sha1: koffi.array('uint8_t', 20), blake3: koffi.array('uint8_t', 32),
  keep: 'bool', current: 'bool', type: text(256), executable: 'bool',
});

// The library needs a stack of 256 KiB, twice what koffi gives by itself: less ends the process.
koffi.config({ async_stack_size: 1 << 20, max_async_calls: 4096 });

// Handles and records are `void *`: of a record the bytes are given, with its size in front.
const lib = koffi.load(process.env.HOLDALL_LIB ?? 'libholdall.so.0.1');
const c = Object.fromEntries([
  'const char *holdall_last_error()',
  'uint32_t holdall_code_status(int32_t code)',
  'int32_t holdall_handle_error(void *handle, void *error)',
  'void *holdall_handle_ref(void *handle)',
  'int32_t holdall_open(const char *path, size_t len, void *options, _Out_ void **store)',
  'int32_t holdall_store_close(void *store)',
  'int32_t holdall_store_free(void *store)',
  'int32_t holdall_drive_open(void *store, const char *name, size_t len, _Out_ void **drive)',
  'int32_t holdall_drive_free(void *drive)',
  'int32_t holdall_writer_open(void *drive, const char *path, size_t len, void *options, _Out_ void **writer)',
  'int32_t holdall_writer_write(void *writer, const void *data, size_t len)',
  'int32_t holdall_writer_commit(void *writer, void *version)',
  'int32_t holdall_writer_free(void *writer)',
  'int32_t holdall_url_version(void *store, uint64_t id, void *options, _Out_ void **url)',
  'const char *holdall_text_get(void *text)',
  'int32_t holdall_text_free(void *text)',
  'int32_t holdall_serve_text(void *store, const char *method, size_t method_len, const char *target, size_t target_len, ' +
    'const char *headers, size_t headers_len, const char *client, size_t client_len, void *answer)',
  'int32_t holdall_body_file(void *body, uint64_t offset, uint64_t limit, void *range)',
  'int32_t holdall_body_read(void *body, uint64_t offset, void *buffer, size_t room, _Out_ size_t *got)',
  'int32_t holdall_body_free(void *body)',
].map((prototype) => [/holdall_(\w+)/.exec(prototype)[1], lib.func(prototype)]));

const record = (type) => {
  const bytes = Buffer.alloc(koffi.sizeof(type));
  bytes.writeBigUInt64LE(BigInt(bytes.length)); // its size
  return bytes;
};
const sized = (string) => [string, Buffer.byteLength(string)];

class StoreError extends Error {
  constructor(handle) {
    const bytes = record(Failure);
    c.handle_error(handle, bytes);
    const failure = koffi.decode(bytes, Failure);
    super(failure.text);
    this.status = c.code_status(failure.code);
  }
}

// Makes a call on another thread: whatever waits for the disk. The error's sentence is that of the handle.
const call = (name, handle, ...rest) => new Promise((done, fail) => c[name].async(handle, ...rest, (error, code) => {
  if (error) fail(error);
  else if (code !== OK) fail(new StoreError(handle));
  else done();
}));

async function* pieces(body, len) {
  for (let at = 0; at < len;) {
    const [buffer, got] = [Buffer.allocUnsafe(Math.min(256 << 10, len - at)), [0]];
    await call('body_read', body, at, buffer, buffer.length, got);
    at += got[0];
    yield buffer;
  }
}

// Sends the body of an answer; a short or broken one breaks the connection off.
async function send(answer, response) {
  if (answer.kind === NONE || answer.len === 0) return response.end();
  if (answer.kind === MEMORY) return response.end(Buffer.from(new Uint8Array(koffi.view(answer.data, answer.len))));
  let source = Readable.from(pieces(answer.body, answer.len), { objectMode: false });
  if (answer.kind === FILE) {
    const bytes = record(Range);
    await call('body_file', answer.body, 0, answer.len, bytes);
    const { fd, offset, len } = koffi.decode(bytes, Range);
    source = fs.createReadStream('', { fd, start: offset, end: offset + len - 1, highWaterMark: 256 << 10 });
  }
  let left = answer.len;
  const whole = async function* (chunks) {
    for await (const chunk of chunks) { left -= chunk.length; yield chunk; }
    if (left !== 0) throw new Error('the content ended before its length');
  };
  return pipeline(source, whole, response);
}

async function download(store, request, response) {
  let headers = '';
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    headers += `${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}\r\n`;
  const bytes = record(Answer);
  await call('serve_text', store, ...sized(request.method), ...sized(request.url), ...sized(headers),
    ...sized(request.socket.remoteAddress ?? ''), bytes);
  const answer = koffi.decode(bytes, Answer);
  try {
    if (answer.code !== OK) console.error(answer.error);
    const fields = answer.headers.split('\r\n').slice(0, -1).flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 2)];
    });
    response.writeHead(answer.status, fields);
    await send(answer, response);
  } finally {
    c.body_free(answer.body);
  }
}

const PASSED_ON = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

// Whether a request was made on this machine, by no page of another site and through no proxy: any page can have a browser
// send here. A server that others reach has to know who sends.
function isFromHere({ headers }) {
  const { host = '', origin } = headers;
  const local = host.startsWith('127.0.0.1:') || host.startsWith('localhost:');
  return local && (origin ?? `http://${host}`) === `http://${host}` && !PASSED_ON.some((name) => name in headers);
}

// Puts the body of a request, and answers with a URL. What is not committed leaves nothing behind.
async function upload(store, drive, path, request, response) {
  if (!isFromHere(request)) {
    const error = new Error('uploads are taken from this machine alone, and from no page of another site');
    throw Object.assign(error, { status: 403 });
  }
  const [own, signer] = [drive, store].map((handle) => c.handle_ref(handle)); // errors are of the handle
  const writer = [null];
  try {
    await call('writer_open', own, ...sized(path), null, writer);
    for await (const chunk of request) await call('writer_write', writer[0], chunk, chunk.length);
    const bytes = record(Version);
    await call('writer_commit', writer[0], bytes);
    const url = [null];
    await call('url_version', signer, koffi.decode(bytes, Version).id, null, url);
    response.writeHead(201, { 'Content-Type': 'text/plain' }).end(`${c.text_get(url[0])}\n`);
    c.text_free(url[0]);
  } finally {
    c.writer_free(writer[0]);
    c.drive_free(own);
    c.store_free(signer);
  }
}

function refuse(error, response) {
  if (response.headersSent || error.code === 'ECONNRESET') return response.destroy(); // the client is gone, or half is sent
  const status = error instanceof URIError ? 400 : error.status ?? 500;
  if (status >= 500) console.error(error);
  return response.writeHead(status, { 'Content-Type': 'text/plain' })
    .end(status < 500 ? `${error.message}\n` : 'The request could not be answered.\n');
}

function open(path) {
  const [store, drive] = [[null], [null]];
  const failed = c.open(...sized(path), null, store) !== OK || c.drive_open(store[0], ...sized('up'), drive) !== OK;
  if (failed) throw new Error(c.last_error());
  return [store[0], drive[0]];
}

if (process.argv.length < 3) {
  console.error('usage: server STORE [PORT]');
  process.exit(2);
}
const [store, drive] = open(process.argv[2]);
const server = http.createServer((request, response) => {
  const put = request.method === 'PUT' && request.url.startsWith('/upload/');
  const answered = put
    ? (async () => upload(store, drive, decodeURIComponent(request.url.slice(8).split('?')[0]), request, response))()
    : download(store, request, response);
  answered.catch((error) => refuse(error, response));
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => {
  server.close(() => {
    c.drive_free(drive);
    const code = c.store_close(store);
    c.store_free(store);
    process.exitCode = code;
  });
  setTimeout(() => server.closeAllConnections(), 10_000).unref();
});
