/** The remainders of all bytes by the polynomial of zip and PNG, its bits reflected. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/**
 * CRC-32, as zip and PNG have it, of ASCII text: from 0 to 2^32 - 1.
 *
 * Not that of `node:zlib`: Node has it from 20.15 and 22.2 on, so 21, 22.0 and 22.1, which this
 * package runs on, would fail to load a module that imports it.
 */
export function crc32(text: string): number {
  let crc = -1;
  for (let i = 0; i < text.length; i++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ text.charCodeAt(i)) & 0xff] as number);
  }
  return ~crc >>> 0;
}
