// Opens URLs in a browser, as pages, and prints for each what its viewer came to: "ok", or what is wrong.
// Arguments: chrome or firefox, the browser, and pairs of a kind and a URL.

import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [browser, executablePath, ...cases] = process.argv.slice(2)
const require = createRequire(pathToFileURL(path.join(process.env.NODE_MODULES ?? '.', 'x.js')))
const puppeteer = require('puppeteer-core')

const args = browser === 'chrome' ? ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'] : []
// Firefox reads which sound device there is from the home folder, and its sandbox has no home.
const extraPrefsFirefox = { 'media.cubeb.sandbox': false }
const open = await puppeteer.launch({ browser, executablePath, headless: true, args, extraPrefsFirefox, timeout: 60_000 })

// What each kind of page has in it when it is shown.
const looks = {
  media: () => {
    const player = document.querySelector('video, audio')
    return player && (player.error ? `error ${player.error.code}` : player.readyState >= 2 && player.duration > 0 && 'ok')
  },
  image: () => document.images[0]?.complete && document.images[0].naturalWidth > 0 && 'ok',
  player: async () => {
    const player = document.querySelector('video')
    const next = name => new Promise(resolve => player.addEventListener(name, resolve, { once: true }))
    if (player.error) return `error ${player.error.code}`
    if (player.readyState < 2) return false
    for (const part of [0.9, 0.1, 0.6]) {
      const done = next('seeked')
      player.currentTime = player.duration * part
      await done
    }
    return player.error ? `error ${player.error.code}` : player.readyState >= 2 && 'ok'
  },
  text: () => document.body?.innerText.includes('plain text') && 'ok',
  // A page of somebody's own must not run.
  script: () => (globalThis.ran ? 'the script ran' : document.readyState === 'complete' && 'ok')
}

// What a viewer draws that is no page of its own is only to be seen in a picture of the window.
const red = async page => {
  const picture = await page.screenshot({ encoding: 'base64' })
  const helper = await open.newPage()
  const part = await helper.evaluate(async picture => {
    const image = new Image()
    image.src = `data:image/png;base64,${picture}`
    await image.decode()
    const canvas = new OffscreenCanvas(image.width, image.height)
    const drawing = canvas.getContext('2d')
    drawing.drawImage(image, 0, 0)
    const { data } = drawing.getImageData(0, 0, image.width, image.height)
    let red = 0
    for (let at = 0; at < data.length; at += 4) red += data[at] > 240 && data[at + 1] < 16 && data[at + 2] < 16
    return red * 4 / data.length
  }, picture)
  await helper.close()
  return part > 0.2 && 'ok'
}

try {
  for (let at = 0; at < cases.length; at += 2) {
    const page = await open.newPage()
    let found = 'nothing was shown'
    try {
      // One that is saved is no page, and Firefox does not say when a page of its own players is there.
      if (cases[at] === 'player') await page.setContent(`<video muted preload=auto src="${cases[at + 1]}"></video>`)
      else await page.goto(cases[at + 1], { timeout: 8_000, waitUntil: 'domcontentloaded' }).catch(() => {})
      for (let tries = 0; tries < 60; tries++) {
        const now = cases[at] === 'red' ? await red(page) : await page.evaluate(looks[cases[at]])
        if (now) { found = now; break }
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    } catch (error) {
      found = String(error.message ?? error).split('\n')[0]
    }
    console.log(found)
    await page.close()
  }
} finally {
  await open.close()
}
