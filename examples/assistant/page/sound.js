/**
 * Sounds as WAV files, made in the browser.
 *
 * Purpose: a tone of one second and half a second of silence, and bytes as Base64. It knows nothing of connections.
 */

const RATE = 16_000;
const TONE_SAMPLES = RATE;
const SILENCE_SAMPLES = RATE / 2;
const HEADER_BYTES = 44;

/**
 * Makes a sine as a WAV file: one channel, 16 bits.
 *
 * @param {number} frequency in Hz
 * @param {number} peak in dB below the loudest
 */
export function tone(frequency, peak) {
  const samples = TONE_SAMPLES + SILENCE_SAMPLES;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * samples));
  header(view, 2 * samples);
  const amplitude = 10 ** (peak / 20) * 0x7fff;
  for (let at = 0; at < TONE_SAMPLES; at += 1) {
    view.setInt16(
      HEADER_BYTES + 2 * at,
      Math.round(amplitude * Math.sin((2 * Math.PI * frequency * at) / RATE)),
      true,
    );
  }
  return new Uint8Array(view.buffer);
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * The 44 bytes before the samples.
 *
 * @param {DataView} view
 * @param {number} bytes
 */
function header(view, bytes) {
  const words = { 0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data" };
  for (const [at, word] of Object.entries(words)) {
    for (const [index, letter] of [...word].entries())
      view.setUint8(Number(at) + index, letter.charCodeAt(0));
  }
  view.setUint32(4, HEADER_BYTES - 8 + bytes, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, bytes, true);
}
