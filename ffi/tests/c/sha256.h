/* SHA-256 and HMAC by FIPS 180-4 and RFC 2104, and base64url: an implementation that shares nothing with the
 * library's. */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>
#include <string.h>

static const uint32_t SHA256_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

static uint32_t turn(uint32_t word, int by) {
    return word >> by | word << (32 - by);
}

static void sha256_block(uint32_t state[8], const uint8_t *block) {
    uint32_t w[64], s[8];
    int at;
    for (at = 0; at < 16; at++)
        w[at] = (uint32_t)block[4 * at] << 24 | (uint32_t)block[4 * at + 1] << 16 |
                (uint32_t)block[4 * at + 2] << 8 | block[4 * at + 3];
    for (; at < 64; at++)
        w[at] = w[at - 16] + w[at - 7] + (turn(w[at - 15], 7) ^ turn(w[at - 15], 18) ^ w[at - 15] >> 3) +
                (turn(w[at - 2], 17) ^ turn(w[at - 2], 19) ^ w[at - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (at = 0; at < 64; at++) {
        uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + SHA256_K[at] + w[at];
        uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (at = 0; at < 8; at++) state[at] += s[at];
}

/* Hashes two texts, one behind the other: at most 4000 bytes together. */
static void sha256(const void *first, size_t first_len, const void *second, size_t second_len, uint8_t out[32]) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t all[4096] = {0};
    size_t len = first_len + second_len, padded = (len + 9 + 63) / 64 * 64, at;
    memcpy(all, first, first_len);
    memcpy(all + first_len, second, second_len);
    all[len] = 0x80;
    for (at = 0; at < 8; at++) all[padded - 1 - at] = (uint8_t)((uint64_t)len * 8 >> 8 * at);
    for (at = 0; at < padded; at += 64) sha256_block(state, all + at);
    for (at = 0; at < 32; at++) out[at] = (uint8_t)(state[at / 4] >> (24 - at % 4 * 8));
}

static void hmac(const uint8_t *key, size_t key_len, const void *text, size_t len, uint8_t out[32]) {
    uint8_t pad[64] = {0}, digest[32];
    size_t at;
    memcpy(pad, key, key_len);
    for (at = 0; at < 64; at++) pad[at] ^= 0x36;
    sha256(pad, 64, text, len, digest);
    for (at = 0; at < 64; at++) pad[at] ^= 0x36 ^ 0x5c;
    sha256(pad, 64, digest, 32, out);
}

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Encodes 32 bytes with padding. */
static void base64_of(const uint8_t bytes[32], char out[45]) {
    size_t at;
    for (at = 0; at < 43; at++) {
        size_t bit = at * 6;
        uint32_t two = (uint32_t)bytes[bit / 8] << 8 | (bit / 8 + 1 < 32 ? bytes[bit / 8 + 1] : 0);
        out[at] = BASE64[two >> (10 - bit % 8) & 63];
    }
    memcpy(out + 43, "=", 2);
}

/* Encodes any number of bytes, without padding. */
static void base64_from(const uint8_t *bytes, size_t len, char *out) {
    size_t bit;
    for (bit = 0; bit < 8 * len; bit += 6) {
        uint32_t two = (uint32_t)bytes[bit / 8] << 8 | (bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0);
        *out++ = BASE64[two >> (10 - bit % 8) & 63];
    }
    *out = '\0';
}

/* Decodes to the first character that is none of the alphabet, and returns how many bytes that makes. */
static size_t base64_to(const char *text, size_t len, uint8_t *out) {
    size_t at, bits = 0, made = 0;
    uint32_t held = 0;
    for (at = 0; at < len && text[at] != '\0' && strchr(BASE64, text[at]) != NULL; at++) {
        held = held << 6 | (uint32_t)(strchr(BASE64, text[at]) - BASE64);
        bits += 6;
        if (bits >= 8) out[made++] = (uint8_t)(held >> (bits -= 8));
    }
    return made;
}

#endif
