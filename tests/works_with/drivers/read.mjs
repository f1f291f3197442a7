// Reads a zip with the package that the first argument names and prints for each entry its CRC-32, its length, its
// time and its name; or downloads a URL.

import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [how, zip, target] = process.argv.slice(2)
const modules = process.env.NODE_MODULES ?? '.'
const require = createRequire(pathToFileURL(path.join(modules, 'x.js')))
const load = async name => import(pathToFileURL(require.resolve(name)))

const table = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n >>> 0
})
const crc32 = bytes => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
const tell = (name, bytes, time) =>
  console.log(crc32(bytes ?? []), bytes?.length ?? 0, time ? Math.floor(+time / 1000) : '-', name)
const all = async stream => {
  const pieces = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

const readers = {
  async yauzl () {
    const yauzl = (await load('yauzl')).default
    const open = await new Promise((resolve, reject) =>
      yauzl.open(zip, { lazyEntries: true }, (error, found) => error ? reject(error) : resolve(found)))
    await new Promise((resolve, reject) => {
      open.on('error', reject).on('end', resolve).on('entry', entry => {
        if (entry.fileName.endsWith('/')) {
          tell(entry.fileName, null, entry.getLastModDate())
          return open.readEntry()
        }
        open.openReadStream(entry, async (error, stream) => {
          if (error) return reject(error)
          tell(entry.fileName, await all(stream), entry.getLastModDate())
          open.readEntry()
        })
      })
      open.readEntry()
    })
  },
  async 'adm-zip' () {
    const AdmZip = (await load('adm-zip')).default
    for (const entry of new AdmZip(zip).getEntries()) {
      tell(entry.entryName, entry.isDirectory ? null : entry.getData(), entry.header.time)
    }
  },
  async jszip () {
    const JSZip = (await load('jszip')).default
    const found = await JSZip.loadAsync(fs.readFileSync(zip), { checkCRC32: true })
    for (const entry of Object.values(found.files)) {
      tell(entry.name, entry.dir ? null : await entry.async('uint8array'), entry.date)
    }
  },
  async unzipper () {
    const unzipper = (await load('unzipper')).default
    const open = await unzipper.Open.file(zip)
    for (const entry of open.files) {
      tell(entry.path, entry.type === 'Directory' ? null : await entry.buffer(), entry.lastModifiedDateTime)
    }
  },
  async 'unzipper stream' () {
    const unzipper = (await load('unzipper')).default
    for await (const entry of fs.createReadStream(zip).pipe(unzipper.Parse({ forceStream: true }))) {
      tell(entry.path, entry.type === 'Directory' ? (await entry.buffer(), null) : await entry.buffer())
    }
  },
  async fflate () {
    const { unzipSync } = await load('fflate')
    for (const [name, bytes] of Object.entries(unzipSync(fs.readFileSync(zip)))) tell(name, bytes)
  },
  async 'node-stream-zip' () {
    const StreamZip = (await load('node-stream-zip')).default
    const open = new StreamZip.async({ file: zip })
    for (const entry of Object.values(await open.entries())) {
      tell(entry.name, entry.isDirectory ? null : await open.entryData(entry.name), entry.time)
    }
    await open.close()
  },
  async 'zip.js' () {
    const { ZipReader, BlobReader, Uint8ArrayWriter } = await load('@zip.js/zip.js')
    const open = new ZipReader(new BlobReader(new Blob([fs.readFileSync(zip)])))
    for (const entry of await open.getEntries()) {
      const bytes = entry.directory ? null : await entry.getData(new Uint8ArrayWriter())
      tell(entry.filename, bytes, entry.lastModDate)
    }
    await open.close()
  },
  async 'extract-zip' () {
    await (await load('extract-zip')).default(zip, { dir: target })
  },
  async fetch () {
    const reply = await fetch(zip)
    if (reply.status !== 200) throw new Error('status ' + reply.status)
    fs.writeFileSync(target, Buffer.from(await reply.arrayBuffer()))
  },
  async got () {
    const got = (await load('got')).default
    fs.writeFileSync(target, await got(zip).buffer())
  },
  async axios () {
    const axios = (await load('axios')).default
    fs.writeFileSync(target, (await axios.get(zip, { responseType: 'arraybuffer' })).data)
  },
  async undici () {
    const { request } = await load('undici')
    const reply = await request(zip)
    if (reply.statusCode !== 200) throw new Error('status ' + reply.statusCode)
    fs.writeFileSync(target, await all(reply.body))
  }
}

await readers[how]()
