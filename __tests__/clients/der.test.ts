import { describe, expect, it } from '@jest/globals';
import { derElements, derText } from '../../lib/clients/der.js';

const content = (length: number): Buffer => Buffer.alloc(length, 0x61);

describe('the DER of a certificate', () => {
  it.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x81, 0x80]],
    [255, [0x81, 0xff]],
    [256, [0x82, 1, 0]],
    [65_536, [0x83, 1, 0, 0]],
    [16_777_216, [0x84, 1, 0, 0, 0]],
  ])('A-18 has elements of %i bytes', (length, written) => {
    const whole = Buffer.concat([Buffer.from([0x0c, ...written]), content(length)]);
    const elements = derElements(Buffer.concat([whole, Buffer.from([0x05, 0])]));
    expect(elements?.map((one) => [one.tag, one.content.length])).toStrictEqual([
      [0x0c, length],
      [0x05, 0],
    ]);
    expect(elements?.[0]?.whole.equals(whole)).toBe(true);
  });

  it.each([
    ['a length that is longer than it need be', [0x0c, 0x81, 0x7f], 127],
    ['another one', [0x0c, 0x82, 0, 0x81], 129],
    ['an indefinite length', [0x0c, 0x80], 128],
    ['a length in five bytes', [0x0c, 0x85, 0, 0, 0, 0, 0x81], 129],
    ['a length that is cut off', [0x0c, 0x82, 1], 0],
    ['no length', [0x0c], 0],
    ['less than its length', [0x0c, 0x03], 2],
    ['a tag above 30', [0x1f, 0x01], 1],
  ])('A-18 is none with %s', (_what, head, length) => {
    expect(derElements(Buffer.concat([Buffer.from(head), content(length)]))).toBeUndefined();
  });

  it('A-18 has text up to the last character of Unicode, and of strings only', () => {
    const text = (tag: number, bytes: readonly number[]): string | undefined =>
      derText({ tag, content: Buffer.from(bytes), whole: Buffer.alloc(0) });
    expect(text(0x1c, [0, 0x10, 0xff, 0xff])).toBe('\u{10ffff}');
    expect(text(0x1c, [0, 0x11, 0, 0])).toBeUndefined();
    expect(text(0x02, [1])).toBeUndefined();
  });
});
