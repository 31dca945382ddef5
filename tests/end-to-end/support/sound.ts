/**
 * Sounds as WAV files.
 *
 * Purpose: a tone whose figures are known.
 */

const RATE = 16_000;

/** A sine of one channel with 16 bits, as Base64. */
export function tone(frequencyHz: number, amplitude: number, seconds: number): string {
  const samples = Math.round(RATE * seconds);
  const file = Buffer.alloc(44 + 2 * samples);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + 2 * samples, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(2 * RATE, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * samples, 40);
  for (let at = 0; at < samples; at += 1) {
    const value = amplitude * Math.sin((2 * Math.PI * frequencyHz * at) / RATE);
    file.writeInt16LE(Math.round(0x7fff * value), 44 + 2 * at);
  }
  return file.toString("base64");
}
