// ChaCha20-Poly1305 (RFC 8439) in AssemblyScript: four ChaCha20 blocks at a time in 128-bit vectors,
// Poly1305 in five limbs of 26 bits. No table look-up and no branch depends on key or data, but for
// the one answer of `open`. How to build: README.md beside this file.

/** 32 bytes: the key. */
export const KEY: usize = 1024;
/** 4096 bytes: the associated data. */
export const ASSOCIATED: usize = 4096;
/** The data, and 16 bytes of tag right behind it. The memory ends where the caller has grown it to. */
export const DATA: usize = 8192;

const STREAM: usize = 2048; // 256 bytes of key stream
const ONE_TIME_KEY: usize = STREAM + 256; // 32 bytes
const BLOCK: usize = ONE_TIME_KEY + 32; // 16 bytes
const TAG: usize = BLOCK + 16; // 16 bytes

let noncePrefix: u32 = 0;
let nonceLow: u32 = 0;
let nonceHigh: u32 = 0;

// @ts-ignore: decorator
@inline
function rotate16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
// @ts-ignore: decorator
@inline
function rotate8(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}
// @ts-ignore: decorator
@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}
// @ts-ignore: decorator
@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}
// @ts-ignore: decorator
@inline
function keyWord(index: usize): v128 {
  return v128.load32_splat(KEY + (index << 2));
}

// Lane j of the four words belongs to block j: turn them and store them 64 bytes apart.
// @ts-ignore: decorator
@inline
function store4(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const ab23 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const cd01 = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd23 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(at, i8x16.shuffle(ab01, cd01, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(
    at + 64,
    i8x16.shuffle(ab01, cd01, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
  v128.store(
    at + 128,
    i8x16.shuffle(ab23, cd23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
  );
  v128.store(
    at + 192,
    i8x16.shuffle(ab23, cd23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
}

// Key stream blocks counter .. counter + 3 into STREAM.
function fillStream(counter: u32): void {
  const s0 = i32x4.splat(0x61707865), s1 = i32x4.splat(0x3320646e);
  const s2 = i32x4.splat(0x79622d32), s3 = i32x4.splat(0x6b206574);
  const t0 = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3)), t1 = i32x4.splat(noncePrefix);
  const t2 = i32x4.splat(nonceLow), t3 = i32x4.splat(nonceHigh);
  let a0 = s0, a1 = s1, a2 = s2, a3 = s3;
  let b0 = keyWord(0), b1 = keyWord(1), b2 = keyWord(2), b3 = keyWord(3);
  let c0 = keyWord(4), c1 = keyWord(5), c2 = keyWord(6), c3 = keyWord(7);
  let d0 = t0, d1 = t1, d2 = t2, d3 = t3;
  for (let round = 0; round < 20; round += 2) {
    a0 = i32x4.add(a0, b0), a1 = i32x4.add(a1, b1), a2 = i32x4.add(a2, b2), a3 = i32x4.add(a3, b3);
    d0 = rotate16(v128.xor(d0, a0)), d1 = rotate16(v128.xor(d1, a1));
    d2 = rotate16(v128.xor(d2, a2)), d3 = rotate16(v128.xor(d3, a3));
    c0 = i32x4.add(c0, d0), c1 = i32x4.add(c1, d1), c2 = i32x4.add(c2, d2), c3 = i32x4.add(c3, d3);
    b0 = rotate12(v128.xor(b0, c0)), b1 = rotate12(v128.xor(b1, c1));
    b2 = rotate12(v128.xor(b2, c2)), b3 = rotate12(v128.xor(b3, c3));
    a0 = i32x4.add(a0, b0), a1 = i32x4.add(a1, b1), a2 = i32x4.add(a2, b2), a3 = i32x4.add(a3, b3);
    d0 = rotate8(v128.xor(d0, a0)), d1 = rotate8(v128.xor(d1, a1));
    d2 = rotate8(v128.xor(d2, a2)), d3 = rotate8(v128.xor(d3, a3));
    c0 = i32x4.add(c0, d0), c1 = i32x4.add(c1, d1), c2 = i32x4.add(c2, d2), c3 = i32x4.add(c3, d3);
    b0 = rotate7(v128.xor(b0, c0)), b1 = rotate7(v128.xor(b1, c1));
    b2 = rotate7(v128.xor(b2, c2)), b3 = rotate7(v128.xor(b3, c3));

    a0 = i32x4.add(a0, b1), a1 = i32x4.add(a1, b2), a2 = i32x4.add(a2, b3), a3 = i32x4.add(a3, b0);
    d3 = rotate16(v128.xor(d3, a0)), d0 = rotate16(v128.xor(d0, a1));
    d1 = rotate16(v128.xor(d1, a2)), d2 = rotate16(v128.xor(d2, a3));
    c2 = i32x4.add(c2, d3), c3 = i32x4.add(c3, d0), c0 = i32x4.add(c0, d1), c1 = i32x4.add(c1, d2);
    b1 = rotate12(v128.xor(b1, c2)), b2 = rotate12(v128.xor(b2, c3));
    b3 = rotate12(v128.xor(b3, c0)), b0 = rotate12(v128.xor(b0, c1));
    a0 = i32x4.add(a0, b1), a1 = i32x4.add(a1, b2), a2 = i32x4.add(a2, b3), a3 = i32x4.add(a3, b0);
    d3 = rotate8(v128.xor(d3, a0)), d0 = rotate8(v128.xor(d0, a1));
    d1 = rotate8(v128.xor(d1, a2)), d2 = rotate8(v128.xor(d2, a3));
    c2 = i32x4.add(c2, d3), c3 = i32x4.add(c3, d0), c0 = i32x4.add(c0, d1), c1 = i32x4.add(c1, d2);
    b1 = rotate7(v128.xor(b1, c2)), b2 = rotate7(v128.xor(b2, c3));
    b3 = rotate7(v128.xor(b3, c0)), b0 = rotate7(v128.xor(b0, c1));
  }
  store4(STREAM, i32x4.add(a0, s0), i32x4.add(a1, s1), i32x4.add(a2, s2), i32x4.add(a3, s3));
  store4(
    STREAM + 16,
    i32x4.add(b0, keyWord(0)),
    i32x4.add(b1, keyWord(1)),
    i32x4.add(b2, keyWord(2)),
    i32x4.add(b3, keyWord(3)),
  );
  store4(
    STREAM + 32,
    i32x4.add(c0, keyWord(4)),
    i32x4.add(c1, keyWord(5)),
    i32x4.add(c2, keyWord(6)),
    i32x4.add(c3, keyWord(7)),
  );
  store4(STREAM + 48, i32x4.add(d0, t0), i32x4.add(d1, t1), i32x4.add(d2, t2), i32x4.add(d3, t3));
}

function xorStream(at: usize, stream: usize, length: usize): void {
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) {
    v128.store(at + i, v128.xor(v128.load(at + i), v128.load(stream + i)));
  }
  for (; i < length; i++) store<u8>(at + i, load<u8>(at + i) ^ load<u8>(stream + i));
}

// Blocks 0..3: the first one is the one-time key of the tag, the other three are for the data, so
// that a short message costs one round of four.
function begin(prefix: u32, counter: u64): void {
  noncePrefix = prefix;
  nonceLow = <u32> counter;
  nonceHigh = <u32> (counter >> 32);
  fillStream(0);
  v128.store(ONE_TIME_KEY, v128.load(STREAM));
  v128.store(ONE_TIME_KEY + 16, v128.load(STREAM + 16));
}

function applyStream(length: usize): void {
  let done: usize = min<usize>(length, 192);
  xorStream(DATA, STREAM + 64, done);
  for (let counter: u32 = 4; done < length; counter += 4) {
    fillStream(counter);
    const piece = min<usize>(length - done, 256);
    xorStream(DATA + done, STREAM, piece);
    done += piece;
  }
}

const LIMB: u64 = 0x3ffffff;
let h0: u64, h1: u64, h2: u64, h3: u64, h4: u64;

// Adds whole 16-byte blocks to the sum.
function absorb(at: usize, length: usize): void {
  const r0 = <u64> load<u32>(ONE_TIME_KEY) & 0x3ffffff;
  const r1 = <u64> (load<u32>(ONE_TIME_KEY + 3) >> 2) & 0x3ffff03;
  const r2 = <u64> (load<u32>(ONE_TIME_KEY + 6) >> 4) & 0x3ffc0ff;
  const r3 = <u64> (load<u32>(ONE_TIME_KEY + 9) >> 6) & 0x3f03fff;
  const r4 = <u64> (load<u32>(ONE_TIME_KEY + 12) >> 8) & 0x00fffff;
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  for (const end = at + length; at < end; at += 16) {
    const low = load<u64>(at), high = load<u64>(at, 8);
    a0 += low & LIMB;
    a1 += (low >> 26) & LIMB;
    a2 += ((low >> 52) | (high << 12)) & LIMB;
    a3 += (high >> 14) & LIMB;
    a4 += (high >> 40) | (1 << 24);
    let d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
    let d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2;
    let d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3;
    let d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4;
    let d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0;
    d1 += d0 >> 26, a0 = d0 & LIMB;
    d2 += d1 >> 26, a1 = d1 & LIMB;
    d3 += d2 >> 26, a2 = d2 & LIMB;
    d4 += d3 >> 26, a3 = d3 & LIMB;
    a0 += (d4 >> 26) * 5, a4 = d4 & LIMB;
    a1 += a0 >> 26, a0 &= LIMB;
  }
  h0 = a0, h1 = a1, h2 = a2, h3 = a3, h4 = a4;
}

function absorbPadded(at: usize, length: usize): void {
  const whole = length & ~15;
  absorb(at, whole);
  if (whole === length) return;
  v128.store(BLOCK, i32x4.splat(0));
  for (let i = whole; i < length; i++) store<u8>(BLOCK + i - whole, load<u8>(at + i));
  absorb(BLOCK, 16);
}

// The sum modulo 2^130 - 5, plus the second half of the one-time key.
function finish(tag: usize): void {
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  let carry = a1 >> 26;
  a1 &= LIMB, a2 += carry, carry = a2 >> 26, a2 &= LIMB, a3 += carry, carry = a3 >> 26, a3 &= LIMB;
  a4 += carry, carry = a4 >> 26, a4 &= LIMB, a0 += carry * 5, carry = a0 >> 26, a0 &= LIMB;
  a1 += carry;
  let g0 = a0 + 5;
  carry = g0 >> 26, g0 &= LIMB;
  let g1 = a1 + carry;
  carry = g1 >> 26, g1 &= LIMB;
  let g2 = a2 + carry;
  carry = g2 >> 26, g2 &= LIMB;
  let g3 = a3 + carry;
  carry = g3 >> 26, g3 &= LIMB;
  const g4 = a4 + carry - (1 << 26);
  const mask = (g4 >> 63) - 1; // all ones when the sum is at least p
  a0 = (a0 & ~mask) | (g0 & mask), a1 = (a1 & ~mask) | (g1 & mask), a2 = (a2 & ~mask) | (g2 & mask);
  a3 = (a3 & ~mask) | (g3 & mask), a4 = (a4 & ~mask) | (g4 & mask);
  const sum = a0 + (a1 << 26) + (a2 << 52);
  const overflow = u64(sum < (a2 << 52));
  const low = sum + load<u64>(ONE_TIME_KEY + 16);
  store<u64>(tag, low);
  store<u64>(
    tag + 8,
    (a2 >> 12) + (a3 << 14) + (a4 << 40) + overflow + load<u64>(ONE_TIME_KEY + 24) + u64(low < sum),
  );
}

function authenticate(associated: usize, length: usize, tag: usize): void {
  h0 = 0, h1 = 0, h2 = 0, h3 = 0, h4 = 0;
  absorbPadded(ASSOCIATED, associated);
  absorbPadded(DATA, length);
  store<u64>(BLOCK, associated);
  store<u64>(BLOCK + 8, length);
  absorb(BLOCK, 16);
  finish(tag);
}

/**
 * Encrypts `length` bytes at DATA in place, under the nonce le32(prefix) || le64(counter), and
 * writes the tag behind them.
 */
export function seal(prefix: u32, counter: u64, associated: usize, length: usize): void {
  begin(prefix, counter);
  applyStream(length);
  authenticate(associated, length, DATA + length);
}

/** The other way: checks the tag behind `length` bytes at DATA; decrypts them in place only if it holds. */
export function open(prefix: u32, counter: u64, associated: usize, length: usize): bool {
  begin(prefix, counter);
  authenticate(associated, length, TAG);
  const sent = DATA + length;
  const difference = (load<u64>(TAG) ^ load<u64>(sent)) | (load<u64>(TAG + 8) ^ load<u64>(sent + 8));
  if (difference !== 0) return false;
  applyStream(length);
  return true;
}
